import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { PERSISTENT_VOLUMES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createFinalizerEditor } from "./finalizer-editor.ts";

const FINALIZER = "kubernetes.io/pv-protection";

/** Lets volumes that are being deleted go once they are not bound to a claim. */
export function createVolumeProtectionController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const finalizers = createFinalizerEditor(client, PERSISTENT_VOLUMES, FINALIZER);
  const loop = createReconcileLoop(deps, {
    name: "persistentvolume-protection-controller",
    async reconcile(name, signal) {
      const volume = volumes.reader.get(name);
      if (volume === undefined) return "await-change";
      if (volume.metadata?.deletionTimestamp === undefined) await finalizers.add(volume, signal);
      else if (finalizers.has(volume) && volume.status?.phase !== "Bound") await finalizers.remove(volume, signal);
      return "await-change";
    },
  });
  volumes.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  return loop;
}
