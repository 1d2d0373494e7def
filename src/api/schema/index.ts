export { checkFields } from "./check-fields.ts";
export { modelNames, modelOf } from "./model.ts";
export type { Field, FieldType, ScalarType } from "./model.ts";
export { listTypeOf, patchMetadataOf } from "./patch-metadata.ts";
