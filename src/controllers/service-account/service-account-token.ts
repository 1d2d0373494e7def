import type { Secret, ServiceAccount, TokenRequest } from "../../api/types.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { createInformer } from "../../machinery/informer.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { keyOf, SECRETS, SERVICE_ACCOUNTS } from "../../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

export interface ServiceAccountTokenOptions {
  /** PEM put beside the token. Absent: only clean up. */
  readonly rootCa?: string;
}

const TYPE = "kubernetes.io/service-account-token";
const NAME = "kubernetes.io/service-account.name";
const UID = "kubernetes.io/service-account.uid";
/** Ten years: such secrets are read by programs that never renew. The token ends with its secret. */
const LIFETIME_SECONDS = 10 * 365 * 24 * 3_600;

/**
 * Fills secrets that ask for the token of a ServiceAccount, and deletes them once the account is gone. The tokens are
 * bound to their secret, so that deleting it revokes them.
 */
export function createServiceAccountTokenController(
  deps: ControllerDeps,
  options: ServiceAccountTokenOptions = {},
): Unit {
  const { client, informers } = deps;
  const { rootCa } = options;
  const accounts = informers.of(SERVICE_ACCOUNTS);
  const secrets = createInformer(deps, { resource: SECRETS, select: { fieldSelector: `type=${TYPE}` } });
  const secretsOf = secrets.index((secret) => [accountKey(secret)]);

  /** The account, or undefined when the server says that there is none. */
  const findAccount = async (secret: Secret, signal: AbortSignal): Promise<ServiceAccount | undefined> => {
    const { namespace = "", annotations = {} } = secret.metadata ?? {};
    const known = accounts.reader.get(accountKey(secret));
    if (known !== undefined) return known;
    const name = annotations[NAME] ?? "";
    return client.get(SERVICE_ACCOUNTS, { namespace, name }, signal).catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return undefined;
      throw reason;
    });
  };

  const fill = async (secret: Secret, account: ServiceAccount, ca: string, signal: AbortSignal): Promise<void> => {
    const { namespace = "", name = "", uid = "", annotations } = secret.metadata ?? {};
    const boundObjectRef = { apiVersion: "v1", kind: "Secret", name, uid };
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: [], boundObjectRef, expirationSeconds: LIFETIME_SECONDS },
    };
    const address = { namespace, name: account.metadata?.name ?? "" };
    const { status } = await client.post<TokenRequest>(SERVICE_ACCOUNTS, address, "token", request, signal);
    const data = { token: btoa(status?.token ?? ""), "ca.crt": btoa(ca), namespace: btoa(namespace) };
    const filled = {
      ...secret,
      metadata: { ...secret.metadata, annotations: { ...annotations, [UID]: account.metadata?.uid ?? "" } },
      data: { ...secret.data, ...data },
    };
    await client.update(SECRETS, filled, signal);
  };

  const loop = createReconcileLoop(deps, {
    name: "serviceaccount-token-controller",
    async reconcile(key, signal) {
      const secret = secrets.reader.get(key);
      if (secret === undefined || (secret.metadata?.annotations?.[NAME] ?? "") === "") return "await-change";
      const { namespace = "", name = "", uid, annotations = {} } = secret.metadata ?? {};
      const account = await findAccount(secret, signal);
      const wanted = annotations[UID] ?? "";
      if (account === undefined || (wanted !== "" && wanted !== account.metadata?.uid)) {
        const preconditions = uid === undefined ? {} : { preconditions: { uid } };
        await client.delete(SECRETS, { namespace, name }, signal, preconditions).catch((reason: unknown) => {
          if (!hasReason(reason, "NotFound", "Conflict")) throw reason;
        });
      } else if (rootCa !== undefined && secret.data?.["token"] === undefined) {
        await fill(secret, account, rootCa, signal);
      }
      return "await-change";
    },
  });
  secrets.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  accounts.onChange(({ type, key }) => {
    if (type !== "updated") for (const secret of secretsOf(key)) loop.enqueue(keyOf(secret));
  });
  return createUnitGroup("serviceaccount-token-controller", [secrets, loop], "in-order");
}

function accountKey(secret: Secret): string {
  return `${secret.metadata?.namespace ?? ""}/${secret.metadata?.annotations?.[NAME] ?? ""}`;
}
