import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { SELECTED_NODE } from "../../core/persistent-volumes/annotations.ts";
import { isFullyBound } from "../../core/persistent-volumes/claim-and-volume.ts";
import { isReachableFrom } from "../../core/persistent-volumes/find-volume.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { ObjectReader } from "../../machinery/object-store.ts";
import { keyOf, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PromisedVolumes, SchedulerStorage } from "./storage.ts";

/** Writes what was promised to a pod's claims, and waits until the binder and provisioners have done their part. */
export interface VolumeBinder {
  /**
   * Returns when every claim is bound. Throws OrlopError with what went wrong, in upstream's words: the pod is then to be
   * scheduled anew. What was written stays, and is found by the next try.
   */
  bind(pod: Pod, node: Node, promised: PromisedVolumes, signal: AbortSignal): Promise<void>;
}

export interface VolumeBinderDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly storage: SchedulerStorage;
  readonly pods: ObjectReader<Pod>;
}

/** @param timeoutMs how long a pod waits for its volumes. @default 600000 */
export function createVolumeBinder(
  { client, clock, storage, pods }: VolumeBinderDeps,
  { timeoutMs = 600_000 }: { readonly timeoutMs?: number } = {},
): VolumeBinder & { readonly recheck: () => void } {
  const waiting = new Set<() => void>();

  const write = async (promised: PromisedVolumes, signal: AbortSignal): Promise<void> => {
    try {
      for (const volume of promised.volumes) {
        storage.volumes.wrote(await client.update(PERSISTENT_VOLUMES, volume, signal));
      }
      for (const claim of promised.provisioned) {
        storage.claims.wrote(await client.update(PERSISTENT_VOLUME_CLAIMS, claim, signal));
      }
    } finally {
      storage.settle(promised);
    }
  };

  const isDone = (pod: Pod, node: Node, { volumes, bound, provisioned }: PromisedVolumes): boolean => {
    if (pods.get(keyOf(pod))?.metadata?.uid !== pod.metadata?.uid) throw broken("pod does not exist any more");
    const areThere = volumes.every((volume) => isKept(storage.volumes.get(keyOf(volume)), keyOf(volume), node));
    const claims = [...bound, ...provisioned.map(keyOf)].map((key) => {
      const claim = storage.claims.get(key);
      if (claim === undefined) throw broken(`failed to check binding: could not find object "${key}"`);
      return claim;
    });
    for (const key of provisioned.map(keyOf)) checkProvisioning(storage.claims.get(key), node);
    for (const { spec } of claims) checkReach(storage.volumes.get(spec?.volumeName ?? ""), node);
    return areThere && claims.every(isFullyBound);
  };

  return {
    recheck() {
      for (const check of waiting) check();
    },
    async bind(pod, node, promised, signal) {
      await write(promised, signal);
      const link = linkAbort(signal);
      let end = (): void => undefined;
      try {
        await new Promise<void>((resolve, reject) => {
          const check = (): void => {
            try {
              if (isDone(pod, node, promised)) resolve();
            } catch (reason) {
              reject(reason as Error);
            }
          };
          end = () => waiting.delete(check);
          waiting.add(check);
          check();
          clock
            .sleep(timeoutMs, link.signal)
            .then(() => reject(broken("context deadline exceeded")))
            .catch(() => reject(broken("the scheduler stops")));
        });
      } finally {
        end();
        link.release();
        link.abort();
      }
    },
  };
}

function broken(why: string): OrlopError {
  return new OrlopError("Unavailable", `binding volumes: ${why}`);
}

function isKept(volume: PersistentVolume | undefined, name: string, node: Node): boolean {
  if (volume === undefined) throw broken(`failed to check binding: could not find object "${name}"`);
  if ((volume.spec?.claimRef?.uid ?? "") === "") throw broken(`ClaimRef got reset for pv "${name}"`);
  checkReach(volume, node);
  return true;
}

/** The volume a provisioner made must be where the pod goes, and nodes may lose labels meanwhile. */
function checkReach(volume: PersistentVolume | undefined, node: Node): void {
  if (volume === undefined || isReachableFrom(volume, node)) return;
  const name = volume.metadata?.name ?? "";
  throw broken(`pv "${name}" node affinity doesn't match node "${node.metadata?.name ?? ""}"`);
}

/** A provisioner that can not make the volume for that node takes the annotation away. */
function checkProvisioning(claim: PersistentVolumeClaim | undefined, node: Node): void {
  if (claim === undefined || claim.metadata?.annotations?.[SELECTED_NODE] === node.metadata?.name) return;
  throw broken(`provisioning failed for PVC "${claim.metadata?.name ?? ""}"`);
}
