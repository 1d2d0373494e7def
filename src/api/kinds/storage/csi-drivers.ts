import type { CSIDriver, KubernetesObject, Unchecked } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import type { KindContext } from "../definition.ts";
import { dropUnlessUsed, fill, without } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validateCsiDriver, validateCsiDriverUpdate } from "./validate-csi.ts";
import { csiDriverWarnings } from "../object-warnings.ts";

function defaultDriver(object: KubernetesObject): KubernetesObject {
  const { spec } = object as Unchecked<CSIDriver>;
  const filled = fill(spec ?? {}, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    requiresRepublish: false,
    seLinuxMount: false,
  });
  const modes = filled.volumeLifecycleModes ?? [];
  return { ...object, spec: { ...filled, volumeLifecycleModes: modes.length === 0 ? ["Persistent"] : modes } };
}

function dropDisabled(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  { gates }: KindContext,
): KubernetesObject {
  const { spec } = object as unknown as CSIDriver;
  const before = (old as Unchecked<CSIDriver> | undefined)?.spec as CSIDriver["spec"] | undefined;
  return {
    ...object,
    spec: dropUnlessUsed(spec, before, {
      seLinuxMount: gates.enabled("SELinuxMountReadWriteOncePod"),
      nodeAllocatableUpdatePeriodSeconds: gates.enabled("MutableCSINodeAllocatableCount"),
      serviceAccountTokenInSecrets: gates.enabled("CSIServiceAccountTokenSecrets"),
      preventPodSchedulingIfMissing: gates.enabled("VolumeLimitScaling"),
    }),
  };
}

export const csiDriverKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIDriver",
  resource: "csidrivers",
  namespaced: false,
  hasGeneration: true,
  applyDefaults: defaultDriver,
  // Its generation counts updates only: a new driver has none.
  prepareForCreate: (object, context) => {
    const { metadata = {}, ...rest } = dropDisabled(object, undefined, context);
    return { ...rest, metadata: without(metadata, "generation") };
  },
  prepareForUpdate: dropDisabled,
  validateCreate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
  warnings: csiDriverWarnings,
  table: tableWithAge(
    [
      column("AttachRequired", "boolean"),
      column("PodInfoOnMount", "boolean"),
      column("StorageCapacity", "boolean"),
      column("TokenRequests"),
      column("RequiresRepublish", "boolean"),
      column("Modes"),
    ],
    (object) => {
      const { spec } = object as unknown as CSIDriver;
      return [
        spec.attachRequired ?? true,
        spec.podInfoOnMount ?? false,
        spec.storageCapacity ?? false,
        spec.tokenRequests?.map((request) => request.audience).join(",") ?? "<unset>",
        spec.requiresRepublish ?? false,
        spec.volumeLifecycleModes?.join(",") || "<none>",
      ];
    },
  ),
});
