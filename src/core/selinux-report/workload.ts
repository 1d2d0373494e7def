import type { OwnerReference, Pod } from "../../api/types.ts";

/** What a person changes to change a pod: the outermost owner that makes it, or the pod itself. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The controller of an object that itself has one; undefined when it is not known. */
export type OwnerOf = (kind: "ReplicaSet" | "Job", namespace: string, name: string) => OwnerReference | undefined;

const MINUTES_SUFFIX = /^(.+)-\d{8,10}$/;

/**
 * The workload of a pod. Owners of ReplicaSets and Jobs are looked up, or else read from the names that Deployments and
 * CronJobs give.
 */
export function workloadOf(pod: Pod, ownerOf: OwnerOf = () => undefined): Workload {
  const { namespace = "", name = "", labels = {} } = pod.metadata ?? {};
  const owner = controllerOf(pod.metadata?.ownerReferences);
  if (owner === undefined) return { apiVersion: "v1", kind: "Pod", namespace, name };
  const here = workload(owner, namespace);
  if (owner.kind === "ReplicaSet") {
    const above = ownerOf("ReplicaSet", namespace, owner.name);
    if (above !== undefined) return workload(above, namespace);
    const suffix = `-${labels["pod-template-hash"] ?? ""}`;
    if (suffix === "-" || !owner.name.endsWith(suffix)) return here;
    return { apiVersion: "apps/v1", kind: "Deployment", namespace, name: owner.name.slice(0, -suffix.length) };
  }
  if (owner.kind === "Job" && owner.apiVersion.startsWith("batch/")) {
    const above = ownerOf("Job", namespace, owner.name);
    if (above !== undefined) return workload(above, namespace);
    const match = MINUTES_SUFFIX.exec(owner.name);
    if (match?.[1] !== undefined) return { apiVersion: "batch/v1", kind: "CronJob", namespace, name: match[1] };
  }
  return here;
}

export function controllerOf(owners: readonly OwnerReference[] | undefined): OwnerReference | undefined {
  return owners?.find(({ controller }) => controller === true);
}

function workload({ apiVersion, kind, name }: OwnerReference, namespace: string): Workload {
  return { apiVersion, kind, namespace, name };
}

export function workloadKey({ apiVersion, kind, namespace, name }: Workload): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}

/** "shop/Deployment/cart" */
export function workloadText({ kind, namespace, name }: Workload): string {
  return `${namespace}/${kind}/${name}`;
}
