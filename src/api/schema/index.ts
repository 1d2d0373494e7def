export { checkFields } from "./check-fields.ts";
export type { FieldCheck } from "./check-fields.ts";
export { fieldOf, modelNames, modelOf, typeAt } from "./model.ts";
export type { Field, FieldType, Model, ScalarType, ZeroValue } from "./model.ts";
export { normalize } from "./normalize.ts";
export { openApiSchemas, schemasReachableFrom } from "./openapi.ts";
export type { OpenApiSchema } from "./openapi.ts";
export { listTypeOf, patchMetadataOf } from "./patch-metadata.ts";
export type { ListType, PatchMetadata } from "./patch-metadata.ts";
