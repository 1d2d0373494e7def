import type { PersistentVolumeClaim } from "../../api/types.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, VOLUME_ATTRIBUTES_CLASSES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createFinalizerEditor } from "./finalizer-editor.ts";

const FINALIZER = "kubernetes.io/vac-protection";

/** Lets attributes classes that are being deleted go once no claim and no volume has, had last or is to get them. */
export function createAttributesClassProtectionController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const classes = informers.of(VOLUME_ATTRIBUTES_CLASSES);
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const claimsOfClass = claims.index(classesOf);
  const volumesOfClass = volumes.index(({ spec }) => [spec?.volumeAttributesClassName ?? ""]);
  const finalizers = createFinalizerEditor(client, VOLUME_ATTRIBUTES_CLASSES, FINALIZER);

  /** A claim may be too young to be known here; before letting go the server is asked. */
  const isUsed = async (name: string, signal: AbortSignal): Promise<boolean> => {
    if (claimsOfClass(name).length > 0 || volumesOfClass(name).length > 0) return true;
    const { items } = await client.list(PERSISTENT_VOLUME_CLAIMS, {}, signal);
    if (items.some((claim) => classesOf(claim).includes(name))) return true;
    const live = await client.list(PERSISTENT_VOLUMES, {}, signal);
    return live.items.some(({ spec }) => spec?.volumeAttributesClassName === name);
  };

  const loop = createReconcileLoop(deps, {
    name: "volumeattributesclass-protection-controller",
    async reconcile(name, signal) {
      const attributesClass = classes.reader.get(name);
      if (attributesClass === undefined) return "await-change";
      if (attributesClass.metadata?.deletionTimestamp === undefined) await finalizers.add(attributesClass, signal);
      else if (finalizers.has(attributesClass) && !(await isUsed(name, signal))) {
        await finalizers.remove(attributesClass, signal);
      }
      return "await-change";
    },
  });
  classes.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  const enqueueGoing = (names: readonly string[]): void => {
    for (const name of names) {
      if (classes.reader.get(name)?.metadata?.deletionTimestamp !== undefined) loop.enqueue(name);
    }
  };
  claims.onChange((change) => enqueueGoing(classesOf(change.type === "updated" ? change.old : change.object)));
  volumes.onChange((change) => {
    const { spec } = change.type === "updated" ? change.old : change.object;
    enqueueGoing([spec?.volumeAttributesClassName ?? ""]);
  });
  return loop;
}

/** Attributes classes a claim wants, has, and is being moved to. */
function classesOf({ spec, status }: PersistentVolumeClaim): readonly string[] {
  return [
    ...new Set([
      spec?.volumeAttributesClassName ?? "",
      status?.currentVolumeAttributesClassName ?? "",
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName ?? "",
    ]),
  ];
}
