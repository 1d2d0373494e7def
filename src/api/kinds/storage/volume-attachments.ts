import type { Unchecked, VolumeAttachment } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { fill } from "../fill.ts";
import { column, tableWithAge } from "../table.ts";
import { validateVolumeAttachment, validateVolumeAttachmentUpdate } from "./validate-storage.ts";

/** What every attachment says until its attacher has answered. */
const DETACHED = { attached: false };

export const volumeAttachmentKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  resource: "volumeattachments",
  namespaced: false,
  hasStatus: true,
  applyDefaults: (object) => ({
    ...object,
    status: fill((object as Unchecked<VolumeAttachment>).status ?? {}, DETACHED),
  }),
  prepareForCreate: (object) => ({ ...object, status: DETACHED }),
  validateCreate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  validateStatusUpdate: validateVolumeAttachmentUpdate,
  table: tableWithAge(
    [{ ...column("Attacher"), format: "name" }, column("PV"), column("Node"), column("Attached", "boolean")],
    (object) => {
      const { spec, status } = object as unknown as VolumeAttachment;
      return [spec.attacher, spec.source.persistentVolumeName ?? "", spec.nodeName, status?.attached ?? false];
    },
  ),
});
