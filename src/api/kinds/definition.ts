import type { FeatureGates } from "../feature-gates.ts";
import type { FieldError } from "../status-error.ts";
import type { KubernetesObject } from "../types.ts";

/** A column of a server-side table (kubectl get). */
export interface TableColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description: string;
  /** 0 is always shown, 1 only with -o wide. */
  readonly priority: number;
}

export interface KindTable {
  readonly columns: readonly TableColumn[];
  /** One cell per column. `now` (ms) is for ages. */
  readonly cells: (object: KubernetesObject, now: number) => readonly unknown[];
}

export interface KindContext {
  readonly gates: FeatureGates;
  /** Milliseconds since the epoch, for rules about time. */
  readonly now: number;
}

/** Verbs of the REST collection and item; subresources have their own. */
export type KindVerb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

/**
 * Everything the generic API server must know about one kind. All functions are pure; objects passed in are never
 * changed (they may be frozen), changed copies are returned.
 */
export interface KindDefinition {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Name of the schema that knows its fields, e.g. "V1Pod" (see ../schema). */
  readonly schema: string;
  readonly verbs: readonly KindVerb[];
  /** Whether a `status` subresource exists. Main writes then keep the stored status, status writes keep all else. */
  readonly hasStatus: boolean;
  /** Whether metadata.generation counts changes of everything but metadata and status. */
  readonly hasGeneration: boolean;
  /** Name rule of the kind, applied to metadata.name; returns problems as texts. */
  readonly validateName: (name: string) => readonly string[];
  /** Fills in defaults of the version. Runs after decoding, on create and on update. */
  readonly applyDefaults: (object: KubernetesObject) => KubernetesObject;
  /** Clears what a creator may not set (status, disabled fields), sets what the server sets. Before validation. */
  readonly prepareForCreate: (object: KubernetesObject, context: KindContext) => KubernetesObject;
  /** The same for an update of the main resource; status is already taken from `old` when hasStatus. */
  readonly prepareForUpdate: (
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => KubernetesObject;
  /** The same for an update of the status subresource; everything but status (and metadata) is already taken from `old`. */
  readonly prepareForStatusUpdate: (
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => KubernetesObject;
  /** Problems of everything but metadata (that is checked generically). */
  readonly validateCreate: (object: KubernetesObject, context: KindContext) => readonly FieldError[];
  readonly validateUpdate: (
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => readonly FieldError[];
  readonly validateStatusUpdate: (
    object: KubernetesObject,
    old: KubernetesObject,
    context: KindContext,
  ) => readonly FieldError[];
  /** Warnings for the `Warning` header (deprecated fields and the like); `old` is there at an update. */
  readonly warnings: (object: KubernetesObject, context: KindContext, old?: KubernetesObject) => readonly string[];
  /** Fields usable in fieldSelector, always including metadata.name (and metadata.namespace when namespaced). */
  readonly selectableFields: (object: KubernetesObject) => Readonly<Record<string, string>>;
  readonly table: KindTable;
}

/** A partial definition with the common cases filled in: see `defineKind`. */
export type KindOptions = Pick<KindDefinition, "group" | "version" | "kind" | "resource" | "namespaced"> &
  Partial<Omit<KindDefinition, "group" | "version" | "kind" | "resource" | "namespaced">>;
