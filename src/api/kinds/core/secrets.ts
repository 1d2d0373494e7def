import type { Secret } from "../../types.ts";
import { defineKind, metadataFields } from "../define-kind.ts";
import { column, tableWithAge } from "../table.ts";

export const secretKind = defineKind({
  group: "",
  version: "v1",
  kind: "Secret",
  resource: "secrets",
  namespaced: true,
  selectableFields: (object) => ({ ...metadataFields(object, true), type: (object as Secret).type ?? "" }),
  table: tableWithAge([column("Type"), column("Data")], (object) => {
    const secret = object as Secret;
    return [secret.type ?? "", Object.keys(secret.data ?? {}).length];
  }),
});
