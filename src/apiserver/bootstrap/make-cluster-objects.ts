import { StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { Objects } from "../extension.ts";
import {
  kubernetesEndpoints,
  kubernetesEndpointSlice,
  kubernetesService,
  NAMESPACE_OBJECTS,
  PRIORITY_CLASSES,
} from "./cluster-objects.ts";
import type { ClusterObject, KubernetesService } from "./cluster-objects.ts";

/**
 * Makes what every cluster has and is missing; brings the `kubernetes` service up to date with where the server is now.
 * Kinds this server does not have are left out.
 */
export async function makeClusterObjects(
  objects: Objects,
  serves: (kind: string) => boolean,
  service: KubernetesService | undefined,
): Promise<void> {
  for (const each of [...NAMESPACE_OBJECTS, ...PRIORITY_CLASSES]) {
    if (serves(each.kind)) await makeIfMissing(objects, each);
  }
  if (service === undefined) return;
  const wanted: readonly ClusterObject[] = [
    { kind: "services", namespace: "default", object: kubernetesService(service) },
    { kind: "endpoints", namespace: "default", object: kubernetesEndpoints(service) },
    { kind: "endpointslices.discovery.k8s.io", namespace: "default", object: kubernetesEndpointSlice(service) },
  ];
  for (const each of wanted) if (serves(each.kind)) await makeOrUpdate(objects, each);
}

async function makeIfMissing(objects: Objects, { kind, namespace, object }: ClusterObject): Promise<boolean> {
  try {
    await objects.create(kind, namespace, object);
    return true;
  } catch (reason) {
    if (reason instanceof StatusError && reason.reason === "AlreadyExists") return false;
    throw reason;
  }
}

async function makeOrUpdate(objects: Objects, wanted: ClusterObject): Promise<void> {
  if (await makeIfMissing(objects, wanted)) return;
  const { kind, namespace, object } = wanted;
  const name = object.metadata?.name ?? "";
  const current = await objects.get(kind, namespace, name);
  if (kind === "services" && clusterIpOf(current) !== clusterIpOf(object)) {
    // A service keeps its address for life: to get another one it has to be made anew.
    await objects.delete(kind, namespace, name);
    await objects.create(kind, namespace, object);
    return;
  }
  await objects.update(kind, namespace, name, (old): KubernetesObject => {
    const spec = { ...(old["spec"] as object | undefined), ...(object["spec"] as object | undefined) };
    return {
      ...old,
      ...object,
      metadata: { ...old.metadata, ...object.metadata },
      ...(object["spec"] !== undefined && { spec }),
    };
  });
}

function clusterIpOf(object: KubernetesObject): string {
  return (object["spec"] as { readonly clusterIP?: string } | undefined)?.clusterIP ?? "";
}
