import type { KindDefinition } from "../../api/kinds/definition.ts";
import { modelNames, modelOf } from "../../api/schema/model.ts";
import { type OpenApiSchema, openApiSchemas } from "../../api/schema/openapi.ts";
import { GIT_VERSION } from "../../api/version.ts";
import type { VirtualResource } from "../extension.ts";

export type DocumentedKind = Pick<
  KindDefinition,
  "group" | "version" | "kind" | "resource" | "namespaced" | "schema"
> & {
  readonly verbs: readonly string[];
};

/** Kinds as documents describe them: stored ones, and virtual ones that can only be created. */
export function documentedKinds(
  kinds: readonly KindDefinition[],
  virtualResources: readonly VirtualResource[],
): readonly DocumentedKind[] {
  return [...kinds, ...virtualResources.map(({ definition }) => ({ ...definition, verbs: ["create"] }))];
}

/** An OpenAPI v3 document; what it says of each kind is enough for `kubectl explain` and for checks of apply. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, object>>;
  readonly components: { readonly schemas: Readonly<Record<string, OpenApiSchema>> };
}

/** The document of these kinds: those of one group and version, or all of them. */
export function openApiDocument(kinds: readonly DocumentedKind[]): OpenApiDocument {
  const known = new Set(modelNames());
  const documented = kinds.filter(({ schema }) => known.has(schema));
  const gvks = new Map<string, object[]>();
  for (const kind of documented) gvks.set(kind.schema, [...(gvks.get(kind.schema) ?? []), gvkOf(kind)]);
  const schemas = openApiSchemas(
    documented.map(({ schema }) => schema),
    (model) => `#/components/schemas/${schemaName(model)}`,
  );
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: GIT_VERSION },
    paths: Object.fromEntries(documented.flatMap(pathsOf)),
    components: {
      schemas: Object.fromEntries(
        [...schemas].map(([model, schema]) => {
          const kindsOf = gvks.get(model);
          return [
            schemaName(model),
            kindsOf === undefined ? schema : { ...schema, "x-kubernetes-group-version-kind": kindsOf },
          ];
        }),
      ),
    },
  };
}

/** Clients show the part after the last dot as the type's name. */
function schemaName(model: string): string {
  const { goName } = modelOf(model);
  const scope = model.slice(0, model.length - goName.length).toLowerCase();
  return `io.k8s.api.${scope === "" ? "v1" : scope}.${goName}`;
}

function gvkOf({ group, version, kind }: DocumentedKind): object {
  return { group, kind, version };
}

const DRY_RUN = parameter("dryRun", "string");
const MANAGER = parameter("fieldManager", "string");
const VALIDATION = parameter("fieldValidation", "string");
const PRETTY = parameter("pretty", "string");
const WRITE = [PRETTY, DRY_RUN, MANAGER, VALIDATION];
const LIST = [
  PRETTY,
  ...["labelSelector", "fieldSelector", "continue", "resourceVersion", "resourceVersionMatch"].map((name) =>
    parameter(name, "string"),
  ),
  ...["limit", "timeoutSeconds"].map((name) => parameter(name, "integer")),
  ...["watch", "allowWatchBookmarks", "sendInitialEvents"].map((name) => parameter(name, "boolean")),
];

function parameter(name: string, type: string): object {
  return { name, in: "query", schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): object {
  return { name, in: "path", required: true, schema: { type: "string", uniqueItems: true } };
}

function pathsOf(kind: DocumentedKind): readonly (readonly [path: string, item: object])[] {
  const { group, version, resource, namespaced, verbs } = kind;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const home = namespaced ? `${root}/namespaces/{namespace}/${resource}` : `${root}/${resource}`;
  const body = { $ref: `#/components/schemas/${schemaName(kind.schema)}` };
  const operation = (action: string, parameters: readonly object[], withBody: boolean): object => ({
    operationId: `${action}${namespaced ? "Namespaced" : ""}${kind.kind}`,
    parameters,
    ...(withBody && { requestBody: { content: { "application/json": { schema: body } } } }),
    responses: { "200": { description: "OK", content: { "application/json": { schema: body } } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvkOf(kind),
  });
  const when = (verb: string, method: string, make: () => object): object =>
    verbs.includes(verb) ? { [method]: make() } : {};
  const scope = namespaced ? [pathParameter("namespace")] : [];
  const collection = {
    ...when("list", "get", () => operation("list", LIST, false)),
    ...when("create", "post", () => operation("post", WRITE, true)),
    ...when("deletecollection", "delete", () => operation("deletecollection", LIST, false)),
    parameters: scope,
  };
  const item = {
    ...when("get", "get", () => operation("get", [PRETTY], false)),
    ...when("update", "put", () => operation("put", WRITE, true)),
    ...when("patch", "patch", () => operation("patch", [...WRITE, parameter("force", "boolean")], false)),
    ...when("delete", "delete", () => operation("delete", [PRETTY, DRY_RUN], false)),
    parameters: [pathParameter("name"), ...scope],
  };
  return [
    [home, collection],
    ...(verbs.includes("get") ? [[`${home}/{name}`, item] as const] : []),
    ...(namespaced && verbs.includes("list")
      ? [[`${root}/${resource}`, when("list", "get", () => operation("list", LIST, false))] as const]
      : []),
  ];
}
