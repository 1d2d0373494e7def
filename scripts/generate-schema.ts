/**
 * Writes src/api/schema/generated/models.ts from the models of @kubernetes/client-node: every model that can be reached
 * from the roots below, as one line of text each. Run: `npx tsx scripts/generate-schema.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const ROOTS = [
  "V1Namespace",
  "V1Node",
  "V1Pod",
  "V1PodTemplate",
  "V1Binding",
  "V1Eviction",
  "V1ServiceAccount",
  "V1Secret",
  "V1ConfigMap",
  "CoreV1Event",
  "EventsV1Event",
  "V1Service",
  "V1Endpoints",
  "V1EndpointSlice",
  "V1PersistentVolume",
  "V1PersistentVolumeClaim",
  "V1LimitRange",
  "V1ResourceQuota",
  "V1Lease",
  "V1Role",
  "V1ClusterRole",
  "V1RoleBinding",
  "V1ClusterRoleBinding",
  "V1CSIDriver",
  "V1CSINode",
  "V1CSIStorageCapacity",
  "V1StorageClass",
  "V1VolumeAttributesClass",
  "V1VolumeAttachment",
  "V1RuntimeClass",
  "V1PriorityClass",
  "V1CertificateSigningRequest",
  "V1PodDisruptionBudget",
  "AuthenticationV1TokenRequest",
  "V1TokenReview",
  "V1SelfSubjectReview",
  "V1SubjectAccessReview",
  "V1LocalSubjectAccessReview",
  "V1SelfSubjectAccessReview",
  "V1SelfSubjectRulesReview",
  "V1DeleteOptions",
  "V1Status",
];

/** Fields that hold a quantity (or map to quantities); the client declares them as plain strings. */
const QUANTITIES = new Set([
  "V1CSIStorageCapacity.capacity",
  "V1CSIStorageCapacity.maximumVolumeSize",
  "V1ContainerStatus.allocatedResources",
  "V1EmptyDirVolumeSource.sizeLimit",
  "V1LimitRangeItem._default",
  "V1LimitRangeItem.defaultRequest",
  "V1LimitRangeItem.max",
  "V1LimitRangeItem.maxLimitRequestRatio",
  "V1LimitRangeItem.min",
  "V1NodeAllocatableResourceClaimStatus.resources",
  "V1NodeStatus.allocatable",
  "V1NodeStatus.capacity",
  "V1Overhead.podFixed",
  "V1PersistentVolumeClaimStatus.allocatedResources",
  "V1PersistentVolumeClaimStatus.capacity",
  "V1PersistentVolumeSpec.capacity",
  "V1PodSpec.overhead",
  "V1PodStatus.allocatedResources",
  "V1ResourceFieldSelector.divisor",
  "V1ResourceQuotaSpec.hard",
  "V1ResourceQuotaStatus.hard",
  "V1ResourceQuotaStatus.used",
  "V1ResourceRequirements.limits",
  "V1ResourceRequirements.requests",
  "V1VolumeResourceRequirements.limits",
  "V1VolumeResourceRequirements.requests",
]);

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const require = createRequire(import.meta.url);
const packageFolder = dirname(require.resolve("@kubernetes/client-node/package.json"));
const modelsFolder = join(packageFolder, "dist/gen/models");
const version = (JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { version: string }).version;

const SCALARS: Readonly<Record<string, string>> = {
  string: "string",
  boolean: "boolean",
  any: "any",
  object: "any",
  IntOrString: "intOrString",
};

function scalarOf(model: string, attribute: Attribute, type: string): string {
  if (type === "number") return attribute.format === "" ? "double" : attribute.format;
  if (type === "Date") return attribute.format === "date-time-micro" ? "microTime" : "time";
  if (type === "V1MicroTime") return "microTime";
  if (type === "string" && QUANTITIES.has(`${model}.${attribute.name}`)) return "quantity";
  if (type === "string" && attribute.format === "byte") return "bytes";
  return SCALARS[type] ?? type;
}

function typeOf(model: string, attribute: Attribute, type: string): string {
  const array = /^Array<(.+)>$/.exec(type)?.[1];
  if (array !== undefined) return `[]${typeOf(model, attribute, array)}`;
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map !== undefined) return `{}${typeOf(model, attribute, map)}`;
  return scalarOf(model, attribute, type);
}

async function attributesOf(model: string): Promise<readonly Attribute[]> {
  const loaded = (await import(join(modelsFolder, `${model}.js`))) as Record<
    string,
    { attributeTypeMap: readonly Attribute[] }
  >;
  const found = loaded[model];
  if (found === undefined) throw new RangeError(`no model ${model} in ${modelsFolder}`);
  return found.attributeTypeMap;
}

function requiredOf(model: string): ReadonlySet<string> {
  const declaration = readFileSync(join(modelsFolder, `${model}.d.ts`), "utf8");
  return new Set([...declaration.matchAll(/^ {4}'(\w+)': /gmu)].map((match) => match[1] ?? ""));
}

const lines = new Map<string, string>();
const pending = [...ROOTS];
for (let model = pending.pop(); model !== undefined; model = pending.pop()) {
  if (lines.has(model)) continue;
  const required = requiredOf(model);
  const fields: string[] = [];
  for (const attribute of await attributesOf(model)) {
    const type = typeOf(model, attribute, attribute.type);
    fields.push(`${attribute.baseName}${required.has(attribute.name) ? "!" : ""}:${type}`);
    const inner = type.replace(/^(\[\]|\{\})+/u, "");
    if (/^[A-Z]/u.test(inner)) pending.push(inner);
  }
  lines.set(model, fields.join(" "));
}

const body = [...lines]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([model, fields]) => `  ${model}: ${JSON.stringify(fields)},`);
writeFileSync(
  new URL("../src/api/schema/generated/models.ts", import.meta.url),
  [
    `// Generated by scripts/generate-schema.ts from @kubernetes/client-node ${version}. Do not edit.`,
    "export const MODELS: Readonly<Record<string, string>> = {",
    ...body,
    "};",
    "",
  ].join("\n"),
);
console.log(`${lines.size} models`);
