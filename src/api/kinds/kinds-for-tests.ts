import { normalize } from "../schema/normalize.ts";
import type { FieldError } from "../status-error.ts";
import type { KubernetesObject } from "../types.ts";
import type { KindDefinition } from "./definition.ts";
import { testContext } from "./gates-for-tests.ts";

type Switches = Readonly<Record<string, boolean>>;
type Json = Readonly<Record<string, unknown>>;

function texts(errors: readonly FieldError[]): readonly string[] {
  return errors.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
}

/** An object as the server stores it when it is created. */
export function created(kind: KindDefinition, object: Json, switched: Switches = {}): KubernetesObject {
  const decoded = normalize(kind.schema, { metadata: { name: "a", namespace: "default" }, ...object });
  return normalize(kind.schema, kind.prepareForCreate(kind.applyDefaults(decoded), testContext(switched)));
}

/** Problems of creating an object, as `field: message`. */
export function createProblems(kind: KindDefinition, object: Json, switched: Switches = {}): readonly string[] {
  return texts(kind.validateCreate(created(kind, object, switched), testContext(switched)));
}

function updated(kind: KindDefinition, object: Json, old: KubernetesObject, switched: Switches): KubernetesObject {
  const sent = kind.applyDefaults(normalize(kind.schema, { ...object, metadata: old.metadata ?? {} }));
  const merged = kind.hasStatus ? { ...sent, status: old["status"] } : sent;
  return normalize(kind.schema, kind.prepareForUpdate(merged, old, testContext(switched)));
}

/** What is stored when one object is replaced by another. */
export function replaced(kind: KindDefinition, old: Json, object: Json, switched: Switches = {}): KubernetesObject {
  return updated(kind, object, created(kind, old, switched), switched);
}

/** Problems of replacing one object by another. */
export function updateProblems(
  kind: KindDefinition,
  old: Json,
  object: Json,
  switched: Switches = {},
): readonly string[] {
  const before = created(kind, old, switched);
  return texts(kind.validateUpdate(updated(kind, object, before, switched), before, testContext(switched)));
}

/** Problems of giving an object a status. */
export function statusProblems(kind: KindDefinition, object: Json, status: Json): readonly string[] {
  const old = created(kind, object);
  const next = normalize(kind.schema, kind.prepareForStatusUpdate({ ...old, status }, old, testContext()));
  return texts(kind.validateStatusUpdate(next, old, testContext()));
}

export function warningsOf(kind: KindDefinition, object: Json, old?: Json): readonly string[] {
  return kind.warnings(created(kind, object), testContext(), old && created(kind, old));
}

/** The cells of an object's row by column name, as of the start of 2026. */
export function row(kind: KindDefinition, object: Json): Readonly<Record<string, unknown>> {
  const cells = kind.table.cells({ metadata: { name: "a" }, ...object }, testContext().now);
  return Object.fromEntries(kind.table.columns.map(({ name }, i) => [name, cells[i]]));
}
