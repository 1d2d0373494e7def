import { parseDocument } from "yaml";
import type { FeatureGates } from "../../api/feature-gates.ts";
import { podKind } from "../../api/kinds/pods/pods.ts";
import { CONFIG_SOURCE_ANNOTATION, MIRROR_POD_ANNOTATION } from "../../api/pod.ts";
import type { KubernetesObject, Pod } from "../../api/types.ts";
import { fnv1a128 } from "../../lib/fnv.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

export const CONFIG_HASH = "kubernetes.io/config.hash";
const CONFIG_SEEN = "kubernetes.io/config.seen";

export interface StaticPodContext {
  readonly nodeName: string;
  readonly gates: FeatureGates;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Reads a pod out of a manifest (YAML or JSON) in the static pod directory. A failure is the reason, without the file's name. */
export function readStaticPod(text: string, file: string, context: StaticPodContext): Result<Pod> {
  const document = parseDocument(text, { merge: true });
  const [problem] = document.errors;
  if (problem !== undefined) return failed(problem.message);
  const value: unknown = document.toJS();
  if (!isObject(value)) return failed("the manifest holds no object");
  if (value.apiVersion !== "v1" || value.kind !== "Pod") {
    return failed(`the manifest holds ${String(value.apiVersion)} ${String(value.kind)}, only a v1 Pod can be static`);
  }
  const name = value.metadata?.name ?? "";
  if (name === "") return failed("invalid pod: name is needed for the pod");
  const pod = complete(value, file, context);
  const defaulted = podKind.applyDefaults(pod);
  const errors = podKind.validateCreate(defaulted, { gates: context.gates, now: context.now });
  if (errors.length > 0) {
    return failed(`invalid pod: ${errors.map(({ field, message }) => `${field}: ${message}`).join(", ")}`);
  }
  const reference = apiReferenceOf(defaulted as Pod);
  if (reference !== undefined) return failed(`static pods may not reference ${reference}`);
  return ok(defaulted as Pod);
}

function isObject(value: unknown): value is KubernetesObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A static pod is known by what its file says and where it lies: a change makes another pod of it. */
function complete(value: KubernetesObject, file: string, { nodeName, now }: StaticPodContext): KubernetesObject {
  const pod = value as Pod;
  const given = pod.metadata?.uid ?? "";
  const uid = given === "" ? fnv1a128(`${JSON.stringify(value)}host:${nodeName}file:${file}`) : given;
  const tolerations = pod.spec?.tolerations ?? [];
  return {
    ...value,
    metadata: {
      ...pod.metadata,
      name: `${pod.metadata?.name ?? ""}-${nodeName.toLowerCase()}`,
      namespace: pod.metadata?.namespace ?? "default",
      uid,
      annotations: {
        ...pod.metadata?.annotations,
        [CONFIG_HASH]: uid,
        [CONFIG_SOURCE_ANNOTATION]: "file",
        [CONFIG_SEEN]: new Date(now).toISOString(),
      },
    },
    spec: {
      containers: [],
      ...pod.spec,
      nodeName,
      // A static pod stays whatever happens to its node.
      tolerations: [...tolerations, { operator: "Exists", effect: "NoExecute" }],
    },
    status: { phase: "Pending" },
  };
}

/** A static pod must not depend on objects of a server that may not be there. */
function apiReferenceOf({ spec }: Pod): string | undefined {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  if ((spec?.serviceAccountName ?? "") !== "") return "serviceaccounts";
  if ((spec?.ephemeralContainers ?? []).length > 0) return "ephemeral containers";
  for (const { env = [], envFrom = [] } of containers) {
    if (envFrom.some(({ secretRef }) => secretRef !== undefined)) return "secrets";
    if (envFrom.some(({ configMapRef }) => configMapRef !== undefined)) return "configmaps";
    if (env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)) return "secrets";
    if (env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined)) return "configmaps";
  }
  for (const volume of spec?.volumes ?? []) {
    if (volume.secret !== undefined) return "secrets";
    if (volume.configMap !== undefined) return "configmaps";
    if (volume.persistentVolumeClaim !== undefined) return "persistentvolumeclaims";
    if (volume.csi !== undefined) return "csi";
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken !== undefined) return "serviceaccounts";
      if (source.secret !== undefined) return "secrets";
      if (source.configMap !== undefined) return "configmaps";
    }
  }
  return undefined;
}

/** The object that shows a static pod at the API server. */
export function mirrorOf(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { uid: _, ...metadata } = pod.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [MIRROR_POD_ANNOTATION]: configHashOf(pod) },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid, controller: true }],
    },
    ...(pod.spec !== undefined && { spec: pod.spec }),
  };
}

export function configHashOf(pod: Pod): string {
  return pod.metadata?.annotations?.[CONFIG_HASH] ?? "";
}

/** Whether the mirror shows this very version of the static pod. */
export function isMirrorOf(mirror: Pod, pod: Pod): boolean {
  return mirror.metadata?.annotations?.[MIRROR_POD_ANNOTATION] === configHashOf(pod);
}
