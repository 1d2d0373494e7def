import { MIRROR_POD_ANNOTATION } from "../../../api/pod.ts";
import { StatusError } from "../../../api/status-error.ts";
import type { Container, KubernetesObject, Pod, ServiceAccount, Volume, VolumeMount } from "../../../api/types.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Random } from "../../../ports/random.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { randomSuffix } from "../../resources/generate-name.ts";
import { isFor, refused } from "../request-kind.ts";
import { forbiddenSecret, namesSecrets } from "./pod-secrets.ts";

const DEFAULT_ACCOUNT = "default";
const VOLUME_PREFIX = "kube-api-access-";
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const ENFORCE_SECRETS = "kubernetes.io/enforce-mountable-secrets";
/** A little over an hour: clients that never re-read their token are found before they break. */
const TOKEN_SECONDS = 3_607;
/** How long a new namespace may take to get its default account. */
const PATIENCE_MS = 2_000;

export interface ServiceAccountDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** Gives every pod an account, its token as a volume, and the account's pull secrets. */
export function serviceAccount(deps: ServiceAccountDeps): AdmissionPlugin {
  return {
    name: "ServiceAccount",
    async mutate(request, objects): Promise<KubernetesObject> {
      const object = request.object ?? {};
      if (!isFor(request, "pods", "create") || isMirror(object)) return object;
      const { spec } = object as Pod;
      const name = (spec?.serviceAccountName ?? "") || DEFAULT_ACCOUNT;
      const account = await accountOf(deps, request, objects, name);
      const named: Pod = {
        ...(object as Pod),
        spec: { ...spec, containers: spec?.containers ?? [], serviceAccountName: name, serviceAccount: name },
      };
      const wantsToken = spec?.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
      return withPullSecrets(wantsToken ? withToken(named, deps.random) : named, account) as KubernetesObject;
    },
    async validate(request, objects) {
      if (!isFor(request, "pods", "create")) return undefined;
      const pod = request.object as Pod;
      if (isMirror(request.object ?? {})) {
        checkMirror(request, pod);
        return undefined;
      }
      const name = pod.spec?.serviceAccountName ?? "";
      if (name === "") {
        throw refused(request, `no service account specified for pod ${request.namespace}/${request.name}`);
      }
      const account = await accountOf(deps, request, objects, name);
      if (account.metadata?.annotations?.[ENFORCE_SECRETS] !== "true") return undefined;
      const problem = forbiddenSecret(pod, account);
      if (problem !== undefined) throw refused(request, problem);
      return undefined;
    },
  };
}

function isMirror(object: KubernetesObject): boolean {
  return object.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
}

/** Mirror pods show what a kubelet runs from files; they must not lead to credentials. */
function checkMirror(request: AdmissionRequest, pod: Pod): void {
  if ((pod.spec?.serviceAccountName ?? "") !== "") {
    throw refused(request, "a mirror pod may not reference service accounts");
  }
  if (namesSecrets(pod)) throw refused(request, "a mirror pod may not reference secrets");
  const sources = (pod.spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  if (sources.some(({ serviceAccountToken }) => serviceAccountToken !== undefined)) {
    throw refused(request, "a mirror pod may not use ServiceAccountToken volume projections");
  }
}

async function accountOf(
  { clock }: ServiceAccountDeps,
  request: AdmissionRequest,
  objects: Objects,
  name: string,
): Promise<ServiceAccount> {
  const { namespace } = request;
  try {
    return (await objects.get("serviceaccounts", namespace, name)) as ServiceAccount;
  } catch (reason) {
    if (!(reason instanceof StatusError) || reason.reason !== "NotFound") throw reason;
  }
  const made = name === DEFAULT_ACCOUNT ? await waitForAccount(clock, objects, namespace, name) : undefined;
  if (made !== undefined) return made;
  const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
  throw refused(request, why);
}

/** The default account of a new namespace is made by a controller, which may be a moment behind. */
async function waitForAccount(
  clock: Clock,
  objects: Objects,
  namespace: string,
  name: string,
): Promise<ServiceAccount | undefined> {
  const waiting = new AbortController();
  let found: ServiceAccount | undefined;
  const stop = objects.observe("serviceaccounts", ({ type, object }) => {
    if (type === "deleted" || object.metadata?.namespace !== namespace || object.metadata.name !== name) return;
    found = object as ServiceAccount;
    waiting.abort();
  });
  try {
    found ??= (await objects.get("serviceaccounts", namespace, name)) as ServiceAccount;
  } catch {
    await clock.sleep(PATIENCE_MS, waiting.signal).catch(() => undefined);
  } finally {
    stop();
  }
  return found;
}

function withToken(pod: Pod, random: Random): Pod {
  const { spec } = pod;
  const existing = spec?.volumes?.find(({ name }) => name.startsWith(VOLUME_PREFIX));
  const name = existing?.name ?? `${VOLUME_PREFIX}${randomSuffix(random)}`;
  const mount: VolumeMount = { name, readOnly: true, mountPath: MOUNT_PATH };
  const mounts = (container: Container): boolean =>
    (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === MOUNT_PATH);
  const withMount = (container: Container): Container =>
    mounts(container) ? container : { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const needed = existing === undefined && !all.every(mounts);
  return {
    ...pod,
    spec: {
      ...spec,
      containers: (spec?.containers ?? []).map(withMount),
      ...(spec?.initContainers !== undefined && { initContainers: spec.initContainers.map(withMount) }),
      ...(needed && { volumes: [...(spec?.volumes ?? []), tokenVolume(name)] }),
    },
  };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { path: "token", expirationSeconds: TOKEN_SECONDS } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  };
}

function withPullSecrets(pod: Pod, { imagePullSecrets = [] }: ServiceAccount): Pod {
  if ((pod.spec?.imagePullSecrets ?? []).length > 0 || imagePullSecrets.length === 0) return pod;
  const copied = imagePullSecrets.map(({ name }) => ({ ...(name !== undefined && { name }) }));
  return { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], imagePullSecrets: copied } };
}
