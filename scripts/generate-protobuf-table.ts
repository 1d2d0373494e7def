/**
 * Writes src/api/protobuf/generated/fields.ts: number and type of every protobuf field of the models in src/api/schema.
 * Run: `npx tsx scripts/generate-protobuf-table.ts FOLDER`, where FOLDER holds Kubernetes' interface definitions at any
 * depth (`k8s.io/api` and `k8s.io/apimachinery`: every `generated.proto` is read). Stops when a field of a message and
 * of its model have no counterpart or another type.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modelNames, modelOf } from "../src/api/schema/index.ts";
import type { FieldType } from "../src/api/schema/index.ts";

/** Package of the message behind a model, for the models that no other model refers to. */
const ROOTS: Readonly<Record<string, string>> = {
  "api.core.v1":
    "V1Namespace V1Node V1Pod V1PodTemplate V1Binding V1ServiceAccount V1Secret V1ConfigMap CoreV1Event V1Service V1Endpoints V1PersistentVolume V1PersistentVolumeClaim V1LimitRange V1ResourceQuota",
  "api.events.v1": "EventsV1Event",
  "api.discovery.v1": "V1EndpointSlice",
  "api.policy.v1": "V1Eviction V1PodDisruptionBudget",
  "api.coordination.v1": "V1Lease",
  "api.rbac.v1": "V1Role V1ClusterRole V1RoleBinding V1ClusterRoleBinding",
  "api.storage.v1":
    "V1CSIDriver V1CSINode V1CSIStorageCapacity V1StorageClass V1VolumeAttachment V1VolumeAttributesClass",
  "api.node.v1": "V1RuntimeClass",
  "api.scheduling.v1": "V1PriorityClass",
  "api.certificates.v1": "V1CertificateSigningRequest",
  "api.authentication.v1": "AuthenticationV1TokenRequest V1TokenReview V1SelfSubjectReview",
  "api.authorization.v1":
    "V1SubjectAccessReview V1LocalSubjectAccessReview V1SelfSubjectAccessReview V1SelfSubjectRulesReview",
  "apimachinery.pkg.apis.meta.v1": "V1DeleteOptions V1Status",
};

const META = "k8s.io.apimachinery.pkg.apis.meta.v1";

/** Messages and protobuf scalars that the schema knows as scalars. */
const SCALARS: Readonly<Record<string, string>> = {
  bool: "boolean",
  string: "string",
  bytes: "bytes",
  int32: "int32",
  int64: "int64",
  double: "double",
  [`${META}.Time`]: "time",
  [`${META}.MicroTime`]: "microTime",
  [`${META}.FieldsV1`]: "any",
  "k8s.io.apimachinery.pkg.runtime.RawExtension": "any",
  "k8s.io.apimachinery.pkg.api.resource.Quantity": "quantity",
  "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
};

interface MessageField {
  readonly name: string;
  readonly number: number;
  /** "list" is a repeated field, "map" has string keys. */
  readonly shape: "one" | "list" | "map";
  /** A protobuf scalar or the full name of a message. */
  readonly type: string;
}

const FIELD =
  /^\s*(?:(?<label>optional|required|repeated)\s+)?(?:map<string,\s*(?<value>[\w.]+)>|(?<type>[\w.]+))\s+(?<name>\w+)\s*=\s*(?<number>\d+)/u;

function parseMessages(text: string): ReadonlyMap<string, readonly MessageField[]> {
  const bare = text.replaceAll(/\/\/[^\n]*/gu, "");
  const scope = /^package\s+([\w.]+);/mu.exec(bare)?.[1] ?? "";
  const messages = new Map<string, readonly MessageField[]>();
  for (const [, message = "", body = ""] of bare.matchAll(/^message\s+(\w+)\s*\{([^{}]*)\}/gmu)) {
    const statements = body
      .split(";")
      .filter((statement) => /\S/u.test(statement) && !/^\s*reserved\b/u.test(statement));
    messages.set(
      `${scope}.${message}`,
      statements.map((statement): MessageField => {
        const { label, value, type = value ?? "", name = "", number } = FIELD.exec(statement)?.groups ?? {};
        if (number === undefined)
          throw new RangeError(`${scope}.${message}: can not read ${JSON.stringify(statement)}`);
        return {
          name,
          number: Number(number),
          shape: value !== undefined ? "map" : label === "repeated" ? "list" : "one",
          type: type.startsWith(".") ? type.slice(1) : /^[A-Z]/u.test(type) ? `${scope}.${type}` : type,
        };
      }),
    );
  }
  return messages;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new RangeError("the folder with the .proto files is missing");
const definitions = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith("generated.proto"))
  .map((file) => readFileSync(join(folder, file), "utf8"));
if (definitions.length === 0) throw new RangeError(`no generated.proto in ${folder}`);
const messages = new Map(definitions.flatMap((text) => [...parseMessages(text)]));

function fieldsOf(message: string): readonly MessageField[] {
  const fields = messages.get(message);
  if (fields === undefined) throw new RangeError(`no message ${message}`);
  return fields;
}

function typeText(type: FieldType): string {
  if (type.type === "list") return `[]${typeText(type.of)}`;
  return type.type === "map" ? `{}${typeText(type.of)}` : type.of;
}

/** Message that stands for each model, and lines of the table, both filled on the way. */
const messageOf = new Map<string, string>();
const lines = new Map<string, string>();
const pending: string[] = [];

function pair(model: string, message: string): void {
  const known = messageOf.get(model);
  if (known === undefined) pending.push(model);
  else if (known !== message) throw new RangeError(`${model} is both ${known} and ${message}`);
  messageOf.set(model, message);
}

/** The message as the type of a model's field; notes which message the model behind it is. */
function compare(type: FieldType, shape: MessageField["shape"], message: string): boolean {
  if (shape !== "one") return type.type === shape && compare(type.of, "one", message);
  switch (type.type) {
    case "scalar":
      return SCALARS[message] === type.of;
    case "model":
      if (!messages.has(message) || message in SCALARS) return false;
      pair(type.of, message);
      return true;
    case "list": {
      // A list as the value of a map: a message with the list as its only field.
      const [items, ...rest] = messages.get(message) ?? [];
      return items?.number === 1 && rest.length === 0 && items.shape === "list" && compare(type.of, "one", items.type);
    }
    case "map":
      return false;
  }
}

/**
 * Entries of the table. The names differ in case only (`uID` for `uid`). `path` is that of a struct whose fields JSON shows as
 * fields of the outer one.
 */
function entriesOf(model: string, message: string, path: string): readonly (readonly [string, string])[] {
  const fields = new Map([...modelOf(model).fields.values()].map((field) => [field.name.toLowerCase(), field]));
  return fieldsOf(message).flatMap((field): readonly (readonly [string, string])[] => {
    const known = fields.get(field.name.toLowerCase());
    if (known !== undefined) {
      if (!compare(known.type, field.shape, field.type)) {
        throw new RangeError(`${message}.${field.name} is no ${typeText(known.type)}: ${field.shape} ${field.type}`);
      }
      return [[known.name, `${path}${field.number}:${typeText(known.type)}`]];
    }
    if (field.shape !== "one" || !messages.has(field.type)) {
      throw new RangeError(`${model} has no field for ${message}.${field.name}`);
    }
    return entriesOf(model, field.type, `${path}${field.number}.`);
  });
}

for (const [scope, names] of Object.entries(ROOTS)) {
  for (const model of names.split(" ")) pair(model, `k8s.io.${scope}.${modelOf(model).goName}`);
}
const roots = new Set(pending);
for (let model = pending.pop(); model !== undefined; model = pending.pop()) {
  const entries = new Map(entriesOf(model, messageOf.get(model) ?? "", ""));
  const missing = [...modelOf(model).fields.keys()].filter((name) => !entries.has(name));
  // Type information of whole objects travels outside of the message.
  const lost = roots.has(model) ? missing.filter((name) => name !== "apiVersion" && name !== "kind") : missing;
  if (lost.length > 0) throw new RangeError(`${messageOf.get(model) ?? model} has no ${lost.join(", ")}`);
  lines.set(model, [...entries].map(([name, entry]) => `${name}=${entry}`).join(" "));
}
const unpaired = modelNames().filter((name) => !lines.has(name));
if (unpaired.length > 0) throw new RangeError(`nothing refers to ${unpaired.join(", ")}: is a root missing?`);

const body = [...lines]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([model, fields]) => `  ${model}: ${JSON.stringify(fields)},`);
writeFileSync(
  new URL("../src/api/protobuf/generated/fields.ts", import.meta.url),
  [
    "// Generated by scripts/generate-protobuf-table.ts from Kubernetes' interface definitions. Do not edit.",
    "export const PROTOBUF_FIELDS: Readonly<Record<string, string>> = {",
    ...body,
    "};",
    "",
  ].join("\n"),
);
console.log(`${lines.size} models`);
