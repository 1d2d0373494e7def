import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import {
  claimKeysOfPod,
  claimsOfPod,
  isOwnedByPod,
  type PodClaim,
} from "../../core/persistent-volumes/claims-of-pod.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { keyOf, PERSISTENT_VOLUME_CLAIMS, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";

/**
 * Makes the claims of generic ephemeral volumes from the templates in their pods. A claim belongs to its pod and goes with
 * it; one of the same name that belongs to somebody else is left alone, and the pod is told.
 */
export function createEphemeralVolumeController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const events = deps.events.for("ephemeral_volume");
  const pods = informers.of(PODS);
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const podsOfClaim = pods.index(claimKeysOfPod);

  const ensureClaim = async (pod: Pod, wanted: PodClaim, signal: AbortSignal): Promise<void> => {
    const claim = claims.reader.get(wanted.key);
    if (claim === undefined) {
      await client.create(PERSISTENT_VOLUME_CLAIMS, claimFor(pod, wanted), signal).catch((reason: unknown) => {
        throw new Error(`create PVC ${wanted.name}: ${messageOf(reason)}`, { cause: reason });
      });
    } else if (!isOwnedByPod(claim, pod)) {
      throw new Error(`PVC ${wanted.key} was not created for pod ${keyOf(pod)} (pod is not owner)`);
    }
  };

  const loop = createReconcileLoop(deps, {
    name: "ephemeral-volume-controller",
    async reconcile(key, signal) {
      const pod = pods.reader.get(key);
      if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return "await-change";
      for (const wanted of claimsOfPod(pod).filter(({ isEphemeral }) => isEphemeral)) {
        try {
          await ensureClaim(pod, wanted, signal);
        } catch (reason) {
          signal.throwIfAborted();
          events.record({
            involvedObject: referenceTo(PODS, pod),
            type: "Warning",
            reason: "FailedBinding",
            message: `ephemeral volume ${wanted.volume.name}: ${messageOf(reason)}`,
          });
          throw reason;
        }
      }
      return "await-change";
    },
  });
  pods.onChange(({ type, key, object }) => {
    // Volumes of pods do not change.
    if (type === "added" && claimsOfPod(object).some(({ isEphemeral }) => isEphemeral)) loop.enqueue(key);
  });
  claims.onChange(({ type, key }) => {
    if (type !== "deleted") return;
    for (const pod of podsOfClaim(key)) loop.enqueue(keyOf(pod));
  });
  return loop;
}

function claimFor(pod: Pod, { name, volume }: PodClaim): PersistentVolumeClaim {
  const { namespace = "", name: podName = "", uid = "" } = pod.metadata ?? {};
  const template = volume.ephemeral?.volumeClaimTemplate;
  const { labels, annotations } = template?.metadata ?? {};
  const owner = { apiVersion: "v1", kind: "Pod", name: podName, uid, controller: true, blockOwnerDeletion: true };
  return {
    metadata: {
      namespace,
      name,
      ownerReferences: [owner],
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    spec: template?.spec ?? {},
  };
}
