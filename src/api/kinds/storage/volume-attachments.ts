import type { VolumeAttachment } from "../../types.ts";
import { defineKind } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";
import { validateVolumeAttachment, validateVolumeAttachmentUpdate } from "./validate-storage.ts";

export const volumeAttachmentKind = defineKind({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  resource: "volumeattachments",
  namespaced: false,
  hasStatus: true,
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
