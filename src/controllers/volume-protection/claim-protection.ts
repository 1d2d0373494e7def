import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { claimKeysOfPod, claimsOfPod, isOwnedByPod } from "../../core/persistent-volumes/claims-of-pod.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { PERSISTENT_VOLUME_CLAIMS, PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createFinalizerEditor } from "./finalizer-editor.ts";

const FINALIZER = "kubernetes.io/pvc-protection";

/** Lets claims that are being deleted go once no pod on a node refers to them. */
export function createClaimProtectionController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const pods = informers.of(PODS);
  const podsOfClaim = pods.index(claimKeysOfPod);
  const finalizers = createFinalizerEditor(client, PERSISTENT_VOLUME_CLAIMS, FINALIZER);

  const isUsed = async (key: string, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<boolean> => {
    const uses = (pod: Pod): boolean =>
      (pod.spec?.nodeName ?? "") !== "" &&
      claimsOfPod(pod).some(
        (its) => its.key === key && !(its.isEphemeral && (isShutDown(pod) || !isOwnedByPod(claim, pod))),
      );
    if (podsOfClaim(key).some(uses)) return true;
    // A pod may be too young to be known here; before letting go the server is asked.
    const { namespace = "" } = claim.metadata ?? {};
    const { items } = await client.list(PODS, { namespace }, signal);
    return items.some(uses);
  };

  const loop = createReconcileLoop(deps, {
    name: "persistentvolumeclaim-protection-controller",
    async reconcile(key, signal) {
      const claim = claims.reader.get(key);
      if (claim === undefined) return "await-change";
      if (claim.metadata?.deletionTimestamp === undefined) await finalizers.add(claim, signal);
      else if (finalizers.has(claim) && !(await isUsed(key, claim, signal))) await finalizers.remove(claim, signal);
      return "await-change";
    },
  });
  claims.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  pods.onChange(({ object }) => {
    for (const key of claimKeysOfPod(object)) {
      if (claims.reader.get(key)?.metadata?.deletionTimestamp !== undefined) loop.enqueue(key);
    }
  });
  return loop;
}

/**
 * The kubelet is done with the pod, and only its object is left. Its own claims may go before it: the pod may wait for them,
 * as it does when it is deleted in the foreground.
 */
function isShutDown({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
