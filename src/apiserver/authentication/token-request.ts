import { invalidValue } from "../../api/field-error.ts";
import { serviceAccountKind } from "../../api/kinds/core/service-accounts.ts";
import { secondsText } from "../../api/rfc3339.ts";
import {
  badRequest,
  conflict,
  type FieldError,
  invalid,
  methodNotAllowed,
  StatusError,
} from "../../api/status-error.ts";
import type { KubernetesObject, Pod, ServiceAccount, TokenRequest } from "../../api/types.ts";
import { quoted } from "../../core/authz/quoted.ts";
import type { ClaimedObject } from "../../core/authn/service-account-user.ts";
import type { Clock } from "../../ports/clock.ts";
import { answer } from "../encoding/answer.ts";
import { mediaTypeOf, readText } from "../encoding/body.ts";
import { decodeObject } from "../encoding/decode-object.ts";
import { negotiate } from "../encoding/negotiation.ts";
import type { AdmissionPlugin, Objects, RequestContext, Subresource } from "../extension.ts";
import { parseWriteOptions } from "../rest/write-options.ts";
import type { ServiceAccountTokens, TokenOrder } from "./service-account-tokens.ts";

const KIND = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
const SHORTEST = 600;
const LONGEST = 2 ** 32;
const DEFAULT_LIFETIME = 3600;
/** The lifetime kubelets ask for when a pod does not say: an hour and a mark by which such requests are known. */
const MARKED_LIFETIME = 3607;
const EXTENDED_LIFETIME = 365 * 24 * 3600;

export interface TokenRequestDeps {
  readonly objects: Objects;
  readonly tokens: ServiceAccountTokens;
  readonly clock: Pick<Clock, "now">;
  /** Validating plugins see the request as a create of serviceaccounts/token. */
  readonly admission: readonly AdmissionPlugin[];
}

export interface TokenRequestOptions {
  /** Longer requests are shortened, with a warning. @default no limit but that of the API */
  readonly maxLifetimeSeconds?: number;
  /**
   * Tokens that kubelets mount into pods without being asked for a lifetime work for a year, for programs that read
   * their token once, and count as stale after an hour. The kubelet renews them hourly all the same. @default true
   */
  readonly extendMounted?: boolean;
}

interface Bound {
  readonly order: Pick<TokenOrder, "pod" | "secret" | "node">;
  readonly uid: string;
}

/** POST …/serviceaccounts/NAME/token */
export function serviceAccountTokenSubresource(deps: TokenRequestDeps, options: TokenRequestOptions = {}): Subresource {
  return {
    group: "",
    version: "v1",
    resource: "serviceaccounts",
    subresource: "token",
    namespaced: true,
    kind: KIND,
    verbs: ["create"],
    async handle(context) {
      const { request, info } = context;
      if (info.verb !== "create") throw methodNotAllowed();
      const format = negotiate(request, { transforms: [], stream: false });
      const warnings: string[] = [];
      const warn = (text: string): void => {
        warnings.push(text);
      };
      const { fieldValidation, dryRun } = parseWriteOptions(request.query, "CreateOptions");
      const schema = "AuthenticationV1TokenRequest";
      const decoded = decodeObject(
        { ...KIND, schema },
        await readText(request),
        mediaTypeOf(request),
        fieldValidation,
        warn,
      );
      const result = await issue(deps, options, context, decoded as TokenRequest, dryRun, warn);
      const { headers, ...rest } = answer(201, result, format);
      if (warnings.length === 0) return { ...rest, headers };
      return { ...rest, headers: { ...headers, Warning: warnings.map((text) => `299 - ${quoted(text)}`) } };
    },
  };
}

async function issue(
  deps: TokenRequestDeps,
  options: TokenRequestOptions,
  { info, user }: RequestContext,
  sent: TokenRequest,
  dryRun: boolean,
  warn: (text: string) => void,
): Promise<KubernetesObject> {
  const { namespace, name } = info;
  refuse(name, placeErrors(sent, namespace, name));
  const account = (await deps.objects.get("serviceaccounts", namespace, name)) as ServiceAccount;
  const uid = account.metadata?.uid ?? "";
  const sentUid = sent.metadata?.uid ?? "";
  if (sentUid !== "" && sentUid !== uid) {
    const why = `the UID in the token request (${sentUid}) does not match the UID of the service account (${uid})`;
    throw conflict({ group: KIND.group, resource: KIND.kind }, name, why);
  }
  const audiences = (sent.spec?.audiences ?? []).length === 0 ? deps.tokens.apiAudiences : (sent.spec?.audiences ?? []);
  const asked = sent.spec?.expirationSeconds ?? DEFAULT_LIFETIME;
  const ref = sent.spec?.boundObjectRef;
  const now = deps.clock.now();
  const request = {
    ...KIND_FIELDS,
    metadata: { name, namespace, uid, creationTimestamp: secondsText(now) },
    spec: { audiences, expirationSeconds: asked, ...(ref !== undefined && { boundObjectRef: ref }) },
  };
  refuse("", lifetimeErrors(asked));
  for (const { validate } of deps.admission) {
    await validate?.(
      {
        operation: "create",
        kind: serviceAccountKind,
        subresource: "token",
        namespace,
        name,
        user,
        dryRun,
        // As it was sent: a kubelet that names no audience means the default, and may have that for its pods.
        object: { ...KIND_FIELDS, ...sent },
      },
      deps.objects,
    );
  }
  const bound = ref === undefined ? undefined : await resolve(deps.objects, namespace, name, ref);
  if (bound !== undefined && (ref?.uid ?? "") !== "" && ref?.uid !== bound.uid) {
    const why = `the UID in the bound object reference (${ref?.uid ?? ""}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: "", resource: ref?.kind ?? "" }, ref?.name ?? "", why);
  }
  const longest = options.maxLifetimeSeconds;
  const lifetime = longest !== undefined && asked > longest ? longest : asked;
  if (lifetime < asked) warn(`requested expiration of ${asked} seconds shortened to ${lifetime} seconds`);
  const extended =
    options.extendMounted !== false &&
    bound?.order.pod !== undefined &&
    lifetime === MARKED_LIFETIME &&
    audiences.every((audience) => deps.tokens.apiAudiences.includes(audience));
  const token = await deps.tokens.issue({
    namespace,
    serviceAccount: { name, uid },
    audiences,
    lifetimeSeconds: extended ? EXTENDED_LIFETIME : lifetime,
    ...(extended && { warnAfterSeconds: lifetime }),
    ...bound?.order,
  });
  return {
    ...request,
    spec: { ...request.spec, expirationSeconds: lifetime },
    status: { token, expirationTimestamp: secondsText(now + lifetime * 1000) },
  };
}

const KIND_FIELDS = { kind: KIND.kind, apiVersion: `${KIND.group}/${KIND.version}` };

function refuse(name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(KIND, name, errors);
}

function placeErrors({ metadata }: TokenRequest, namespace: string, name: string): readonly FieldError[] {
  const sentName = metadata?.name ?? "";
  const sentNamespace = metadata?.namespace ?? "";
  if (sentName !== "" && sentName !== name) {
    return [invalidValue("metadata.name", sentName, "must match the service account name if specified")];
  }
  return sentNamespace !== "" && sentNamespace !== namespace
    ? [invalidValue("metadata.namespace", sentNamespace, "must match the service account namespace if specified")]
    : [];
}

function lifetimeErrors(seconds: number): readonly FieldError[] {
  const field = "spec.expirationSeconds";
  if (seconds < SHORTEST) return [invalidValue(field, seconds, "may not specify a duration less than 10 minutes")];
  return seconds > LONGEST ? [invalidValue(field, seconds, "may not specify a duration larger than 2^32 seconds")] : [];
}

type BoundReference = NonNullable<NonNullable<TokenRequest["spec"]>["boundObjectRef"]>;

function claim({ metadata }: KubernetesObject): ClaimedObject {
  return { name: metadata?.name ?? "", uid: metadata?.uid ?? "" };
}

async function resolve(objects: Objects, namespace: string, accountName: string, ref: BoundReference): Promise<Bound> {
  const { apiVersion = "", kind = "", name = "" } = ref;
  const type = apiVersion.includes("/") ? "" : kind;
  switch (type) {
    case "Pod": {
      const pod = (await objects.get("pods", namespace, name)) as Pod & KubernetesObject;
      if (pod.spec?.serviceAccountName !== accountName) {
        throw badRequest(
          `cannot bind token for serviceaccount ${quoted(accountName)} to pod running with different serviceaccount name.`,
        );
      }
      const node = await nodeOf(objects, pod);
      return { order: { pod: claim(pod), ...(node !== undefined && { node }) }, uid: claim(pod).uid };
    }
    case "Node": {
      const node = claim(await objects.get("nodes", "", name));
      return { order: { node }, uid: node.uid };
    }
    case "Secret": {
      const secret = claim(await objects.get("secrets", namespace, name));
      return { order: { secret }, uid: secret.uid };
    }
    default: {
      const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
      throw badRequest(`cannot bind token to object of type ${group}/${version ?? ""}, Kind=${kind}`);
    }
  }
}

/** The node a pod runs on; without uid when the node has no object. */
async function nodeOf(objects: Objects, pod: Pod): Promise<ClaimedObject | undefined> {
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") return undefined;
  try {
    return claim(await objects.get("nodes", "", nodeName));
  } catch (reason) {
    if (reason instanceof StatusError && reason.code === 404) return { name: nodeName, uid: "" };
    throw reason;
  }
}
