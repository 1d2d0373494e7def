import type { OwnerReference } from "../api/types.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import { createClusterTransport } from "../adapters/cluster/transport.ts";
import type { SELinuxSource } from "../cli/selinux/options.ts";
import {
  keptOfClaim,
  keptOfDriver,
  keptOfPersistentVolume,
  keptOfPod,
} from "../controllers/selinux-warning/kept-fields.ts";
import { type ClusterSnapshot, snapshotOf } from "../core/selinux-report/cluster-snapshot.ts";
import { clusterOfManifests } from "../core/selinux-report/manifests.ts";
import { controllerOf, type OwnerOf } from "../core/selinux-report/workload.ts";
import { StatusError } from "../api/status-error.ts";
import { type ClusterClient, createClusterClient, type ListOptions } from "../machinery/cluster-client.ts";
import {
  type ApiObject,
  CSI_DRIVERS,
  defineResource,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  type Resource,
  resourceName,
} from "../machinery/resources.ts";
import { readManifests } from "./selinux-manifests.ts";
import { labelDefaultsOf } from "./selinux-flags.ts";
import type { SystemDeps } from "./system.ts";
import { findUserConnection } from "./user-connection.ts";

/** A cluster as the commands see it, and what they could not see. */
export interface SeenCluster {
  readonly snapshot: ClusterSnapshot;
  readonly problems: readonly string[];
  readonly ownerOf?: OwnerOf;
  /** Absent when only manifests were read. */
  readonly client?: ClusterClient;
}

const REPLICA_SETS = defineResource("apps", "v1", "replicasets", "ReplicaSet", true);
const JOBS = defineResource("batch", "v1", "jobs", "Job", true);
const PAGE = 500;

/** Reads the manifests, or lists what is needed from the API server; what is denied becomes a problem, not a failure. */
export async function seeCluster<T>(
  deps: SystemDeps,
  options: SELinuxSource,
  signal: AbortSignal,
  work: (cluster: SeenCluster) => Promise<T>,
): Promise<T> {
  const defaults = labelDefaultsOf(options);
  if (options.filename.length > 0) {
    const manifests = clusterOfManifests(await readManifests(options.filename));
    for (const assumption of manifests.assumptions) process.stderr.write(`orlop: ${assumption}\n`);
    return work({ snapshot: snapshotOf(manifests, defaults), problems: [] });
  }
  const connection = await findUserConnection(options, signal);
  const transport = createClusterTransport(connection, deps);
  try {
    const client = createClusterClient({ transport, userAgent: `orlop-selinux/${ORLOP_VERSION}` });
    const problems: string[] = [];
    const list = async <A extends ApiObject>(resource: Resource<A>, keep: (object: A) => A): Promise<readonly A[]> => {
      try {
        return await listAll((select) => client.list(resource, select, signal), keep);
      } catch (reason) {
        if (!(reason instanceof StatusError)) throw reason;
        const name = resourceName(resource);
        problems.push(
          reason.code === 403
            ? `the right to list ${name} is missing: ${reason.message}`
            : `${name} can not be listed: ${reason.message}`,
        );
        return [];
      }
    };
    const pods = await list(PODS, keptOfPod);
    const claims = await list(PERSISTENT_VOLUME_CLAIMS, keptOfClaim);
    const persistentVolumes = await list(PERSISTENT_VOLUMES, keptOfPersistentVolume);
    const drivers = await list(CSI_DRIVERS, keptOfDriver);
    const snapshot = snapshotOf({ pods, claims, persistentVolumes, drivers }, defaults);
    const ownerOf = await findOwners(client, snapshot, signal);
    return await work({ snapshot, problems, ownerOf, client });
  } finally {
    await transport.close();
  }
}

async function listAll<A extends ApiObject>(
  page: (
    select: ListOptions,
  ) => Promise<{ readonly metadata: { readonly continue?: string }; readonly items: readonly A[] }>,
  keep: (object: A) => A,
): Promise<readonly A[]> {
  const all: A[] = [];
  let next = "";
  do {
    const { metadata, items } = await page({ limit: PAGE, ...(next !== "" && { continue: next }) });
    for (const item of items) all.push(keep(item));
    next = metadata.continue ?? "";
  } while (next !== "");
  return all;
}

/** Owners of the ReplicaSets and Jobs that pods name; where these may not be listed, names have to do. */
async function findOwners(client: ClusterClient, { pods }: ClusterSnapshot, signal: AbortSignal): Promise<OwnerOf> {
  const kinds = new Set(pods.map(({ metadata }) => controllerOf(metadata?.ownerReferences)?.kind));
  const owners = new Map<string, OwnerReference>();
  for (const resource of [REPLICA_SETS, JOBS]) {
    if (!kinds.has(resource.kind)) continue;
    const objects = await listAll(
      (select) => client.listMetadata(resource, select, signal),
      (object) => object,
    ).catch(() => []);
    for (const { metadata } of objects) {
      const owner = controllerOf(metadata?.ownerReferences);
      if (owner !== undefined)
        owners.set(`${resource.kind}/${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`, owner);
    }
  }
  return (kind, namespace, name) => owners.get(`${kind}/${namespace}/${name}`);
}
