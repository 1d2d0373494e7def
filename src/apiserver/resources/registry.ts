import type { FeatureGates } from "../../api/feature-gates.ts";
import type { KindContext, KindDefinition } from "../../api/kinds/definition.ts";
import { invalidFor, invalidValue } from "../../api/field-error.ts";
import { pathSegmentProblems } from "../../api/names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../../api/object-meta.ts";
import { deepEqual, normalize } from "../../api/schema/normalize.ts";
import { alreadyExists, badRequest, conflict, invalid, notFound, StatusError } from "../../api/status-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { KubernetesObject, ObjectMeta } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { AdmissionRequest } from "../extension.ts";
import { encodeEntry, entryKey } from "../storage/entry.ts";
import type { Entry } from "../storage/entry.ts";
import type { Storage, WriteDecision } from "../storage/storage.ts";
import type { Admission } from "../admission/admission.ts";
import { MAIN } from "./aspects.ts";
import type { Aspect } from "./aspects.ts";
import { completesDeletion, decideDeletion } from "./deletion.ts";
import type { DeleteOptions } from "./deletion.ts";
import { generateName } from "./generate-name.ts";
import { isCreatedByUpdate, requiresVersionInUpdate } from "./kind-policies.ts";
import { timestamp } from "./timestamp.ts";

/** Who writes, and how. */
export interface WriteContext {
  readonly user: User;
  /** Goes through everything but stores nothing. */
  readonly dryRun: boolean;
  /** Absent: no admission (writes of the server itself). */
  readonly admission?: Admission;
  /** Takes a text for the `Warning` header. */
  readonly warn: (text: string) => void;
}

export interface Written {
  /** What is stored now; for a removed object its last content. */
  readonly entry: Entry;
  readonly outcome: "created" | "updated" | "removed" | "marked";
}

/** The verbs that write, on one kind after another: defaults, admission, validation, then one durable write. */
export interface Registry {
  /** `object` is decoded and normalised. Throws StatusError. */
  create(kind: KindDefinition, namespace: string, object: KubernetesObject, context: WriteContext): Promise<Written>;
  /**
   * `change` makes the new object from the current one; it runs again when another write came in between.
   * Returning the current object writes nothing.
   */
  update(
    kind: KindDefinition,
    namespace: string,
    name: string,
    change: Change,
    context: WriteContext,
  ): Promise<Written>;
  delete(
    kind: KindDefinition,
    namespace: string,
    name: string,
    options: DeleteOptions,
    context: WriteContext,
  ): Promise<Written>;
}

export interface Change {
  readonly aspect: Aspect;
  /** undefined when the object does not exist: throws, or returns the object to create where the kind allows that. */
  readonly apply: (current: KubernetesObject | undefined) => KubernetesObject | Promise<KubernetesObject>;
}

const LOCKED = "the object has been modified; please apply your changes to the latest version and try again";
const MAX_NAME_ATTEMPTS = 8;

export function createRegistry(deps: {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly gates: FeatureGates;
}): Registry {
  const { storage, clock, random, gates } = deps;
  const kindContext = (): KindContext => ({ gates, now: clock.now() });

  /** Everything of a create up to the write. */
  const readyForCreate = async (
    kind: KindDefinition,
    namespace: string,
    object: KubernetesObject,
    context: WriteContext,
  ): Promise<KubernetesObject> => {
    const name = object.metadata?.name ?? generateName(object.metadata?.generateName ?? "", random);
    const metadata = createMetadata(object.metadata ?? {}, {
      name,
      namespace: kind.namespaced ? namespace : "",
      uid: random.uuid(),
      creationTimestamp: timestamp(clock.now()),
      generation: kind.hasGeneration ? 1 : undefined,
    });
    let next = kind.applyDefaults({ ...object, ...typeOf(kind), metadata });
    const request: Omit<AdmissionRequest, "object"> = {
      operation: "create",
      kind,
      subresource: "",
      namespace: kind.resource === "namespaces" && kind.group === "" ? name : namespace,
      name,
      user: context.user,
      dryRun: context.dryRun,
    };
    if (context.admission !== undefined) {
      const mutated = await context.admission.mutate({ ...request, object: next });
      if (mutated !== next) next = kind.applyDefaults(mutated);
    }
    next = normalize(kind.schema, kind.prepareForCreate(next, kindContext()));
    const problems = [
      ...validateObjectMeta(next.metadata, kind),
      ...pathProblems(next.metadata?.name ?? "", kind),
      ...kind.validateCreate(next, kindContext()),
    ];
    if (problems.length > 0) throw invalid(kind, next.metadata?.name ?? "", problems);
    for (const text of kind.warnings(next, kindContext())) context.warn(text);
    await context.admission?.validate({ ...request, object: next }, context.warn);
    return next;
  };

  const createOnce = async (
    kind: KindDefinition,
    namespace: string,
    object: KubernetesObject,
    context: WriteContext,
  ): Promise<Written> => {
    const next = await readyForCreate(kind, namespace, object, context);
    const name = next.metadata?.name ?? "";
    const key = entryKey(kind.namespaced ? namespace : "", name);
    let existing: Entry | undefined;
    const result = await storage.write(kind, key, (current): WriteDecision => {
      existing = current;
      return current === undefined && !context.dryRun ? { type: "put", object: next } : { type: "keep" };
    });
    if (existing !== undefined) throw existsAlready(kind, name, existing);
    return { entry: result.entry ?? unstored(key, next, clock.now()), outcome: "created" };
  };

  const decideUpdate = async (
    kind: KindDefinition,
    namespace: string,
    name: string,
    { aspect, apply }: Change,
    current: Entry,
    context: WriteContext,
  ): Promise<WriteDecision> => {
    const old = current.object;
    const sent = await apply(old);
    if (sent === old) return { type: "keep" };
    checkIdentity(kind, namespace, name, sent, old);
    let next = kind.applyDefaults(aspect.merge(kind, { ...sent, ...typeOf(kind) }, old));
    const request: Omit<AdmissionRequest, "object"> = {
      operation: "update",
      kind,
      subresource: aspect.subresource,
      namespace,
      name,
      user: context.user,
      dryRun: context.dryRun,
      old,
    };
    if (context.admission !== undefined) next = await context.admission.mutate({ ...request, object: next });
    checkVersion(kind, name, next, old);
    next = { ...next, metadata: updateMetadata(next.metadata ?? {}, old.metadata ?? {}) };
    next = normalize(kind.schema, aspect.prepare(kind, next, old, kindContext()));
    if (kind.hasGeneration && aspect.countsGeneration && specDiffers(next, old)) next = withNextGeneration(next);
    const problems = [
      ...validateObjectMetaUpdate(next.metadata, old.metadata),
      ...aspect.validate(kind, next, old, kindContext()),
    ];
    if (problems.length > 0) throw invalid(kind, name, problems);
    if (aspect === MAIN) for (const text of kind.warnings(next, kindContext())) context.warn(text);
    await context.admission?.validate({ ...request, object: next }, context.warn);
    if (completesDeletion(next, old)) return { type: "delete", object: next };
    return deepEqual(next, old) ? { type: "keep" } : { type: "put", object: next };
  };

  return {
    async create(kind, namespace, object, context) {
      const { name = "", generateName = "" } = object.metadata ?? {};
      if ((object.metadata?.resourceVersion ?? "") !== "") throw versionSetOnCreate();
      const given = name === "" ? withoutName(object) : object;
      const attempts = name === "" && generateName !== "" ? MAX_NAME_ATTEMPTS : 1;
      for (let attempt = 1; ; attempt++) {
        try {
          return await createOnce(kind, namespace, given, context);
        } catch (reason) {
          const taken = reason instanceof StatusError && reason.reason === "AlreadyExists";
          if (!taken || attempt >= attempts) throw reason;
        }
      }
    },
    async update(kind, namespace, name, change, context) {
      const key = entryKey(kind.namespaced ? namespace : "", name);
      let outcome: Written["outcome"] = "updated";
      let planned: Entry | undefined;
      const result = await storage.write(kind, key, async (current) => {
        let decision: WriteDecision;
        if (current === undefined) {
          if (!isCreatedByUpdate(kind) || change.aspect !== MAIN) throw notFound(kind, name);
          const created = await change.apply(undefined);
          checkName(name, created.metadata);
          checkNamespace(kind, namespace, created.metadata);
          outcome = "created";
          decision = { type: "put", object: await readyForCreate(kind, namespace, withoutVersion(created), context) };
        } else {
          decision = await decideUpdate(kind, namespace, name, change, current, context);
          outcome = decision.type === "delete" ? "removed" : "updated";
        }
        if (!context.dryRun || decision.type === "keep") return decision;
        planned = unstored(key, decision.object, clock.now(), current?.revision);
        return { type: "keep" };
      });
      const entry = planned ?? result.entry;
      if (entry === undefined) throw notFound(kind, name);
      return { entry, outcome };
    },
    async delete(kind, namespace, name, options, context) {
      const key = entryKey(kind.namespaced ? namespace : "", name);
      let outcome: Written["outcome"] = "removed";
      let planned: Entry | undefined;
      const result = await storage.write(kind, key, async (current) => {
        planned = undefined;
        if (current === undefined) throw notFound(kind, name);
        const old = current.object;
        const deletion = decideDeletion(kind, old, options, clock.now());
        if (deletion.type === "pending") {
          outcome = "marked";
          return { type: "keep" };
        }
        await context.admission?.validate(
          {
            operation: "delete",
            kind,
            subresource: "",
            namespace: kind.resource === "namespaces" && kind.group === "" ? name : namespace,
            name,
            user: context.user,
            dryRun: context.dryRun,
            old,
          },
          context.warn,
        );
        outcome = deletion.type === "remove" ? "removed" : "marked";
        if (context.dryRun) {
          planned = unstored(key, deletion.object, clock.now(), current.revision);
          return { type: "keep" };
        }
        if (deletion.type === "remove") return { type: "delete", object: deletion.object };
        return deepEqual(deletion.object, old) ? { type: "keep" } : { type: "put", object: deletion.object };
      });
      const entry = planned ?? result.entry;
      if (entry === undefined) throw notFound(kind, name);
      return { entry, outcome };
    },
  };
}

/** An object that was not written: dry run. Keeps the version it was made from; none for a create. */
function unstored(key: string, object: KubernetesObject, now: number, revision?: number): Entry {
  return encodeEntry(key, revision, object, now);
}

function typeOf({ group, version, kind }: KindDefinition): { readonly kind: string; readonly apiVersion: string } {
  return { kind, apiVersion: group === "" ? version : `${group}/${version}` };
}

interface SystemFields {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly generation: number | undefined;
}

/** What a creator may say about itself, and what the server says. */
function createMetadata(given: ObjectMeta, { name, namespace, generation, ...system }: SystemFields): ObjectMeta {
  const { generateName, labels, annotations, ownerReferences, finalizers } = given;
  return {
    name,
    ...(generateName !== undefined && { generateName }),
    ...(namespace !== "" && { namespace }),
    ...system,
    ...(generation !== undefined && { generation }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(ownerReferences !== undefined && { ownerReferences }),
    ...(finalizers !== undefined && { finalizers }),
  } as ObjectMeta;
}

/** System fields are the stored ones, whatever was sent. A uid that differs was refused before. */
function updateMetadata(sent: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const {
    managedFields: _,
    selfLink: __,
    generation: ___,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    ...rest
  } = sent;
  const grace = old.deletionGracePeriodSeconds;
  return {
    ...rest,
    ...(old.namespace !== undefined && { namespace: old.namespace }),
    ...(old.uid !== undefined && { uid: old.uid }),
    ...(old.resourceVersion !== undefined && { resourceVersion: old.resourceVersion }),
    ...(old.generation !== undefined && { generation: old.generation }),
    ...(old.creationTimestamp !== undefined && { creationTimestamp: old.creationTimestamp }),
    ...(old.deletionTimestamp !== undefined
      ? { deletionTimestamp: old.deletionTimestamp }
      : deletionTimestamp !== undefined && { deletionTimestamp }),
    ...(grace !== undefined && deletionGracePeriodSeconds === undefined
      ? { deletionGracePeriodSeconds: grace }
      : deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
  };
}

/** The URL, the object that was sent and the stored one must speak of the same thing. */
function checkIdentity(
  kind: KindDefinition,
  namespace: string,
  name: string,
  { metadata }: KubernetesObject,
  old: KubernetesObject,
): void {
  checkName(name, metadata);
  checkNamespace(kind, namespace, metadata);
  const uid = metadata?.uid ?? "";
  if (uid === "" || uid === old.metadata?.uid) return;
  const path = `/registry/${kind.resource}/${entryKey(kind.namespaced ? namespace : "", name)}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata?.uid ?? ""}`;
  throw conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

function checkName(name: string, metadata: ObjectMeta | undefined): void {
  const sent = metadata?.name ?? "";
  if (sent === name) return;
  throw badRequest(`the name of the object (${sent}) does not match the name on the URL (${name})`);
}

/** Throws StatusError 400 when the object names another namespace than the URL. */
export function checkNamespace(kind: KindDefinition, namespace: string, metadata: ObjectMeta | undefined): void {
  const expected = kind.namespaced ? namespace : "";
  const sent = metadata?.namespace ?? "";
  if (sent === "" || sent === expected) return;
  throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

function checkVersion(kind: KindDefinition, name: string, { metadata }: KubernetesObject, old: KubernetesObject): void {
  const version = metadata?.resourceVersion ?? "";
  if (version === "" || version === "0") {
    if (!requiresVersionInUpdate(kind)) return;
    const missing = invalidValue("metadata.resourceVersion", 0, "must be specified for an update");
    throw invalid({ group: kind.group, kind: kind.resource }, name, [missing]);
  }
  if (version !== old.metadata?.resourceVersion) throw conflict(kind, name, LOCKED);
}

/** Every name must be able to stand in a URL, whatever the kind's own rule says. */
function pathProblems(name: string, { validateName }: KindDefinition): readonly FieldError[] {
  const own = new Set(validateName(name));
  return invalidFor(
    "metadata.name",
    name,
    pathSegmentProblems(name).filter((problem) => !own.has(problem)),
  );
}

/** Whether anything but metadata and status changed. */
function specDiffers(next: KubernetesObject, old: KubernetesObject): boolean {
  const { metadata: _, status: __, ...nextRest } = next;
  const { metadata: ___, status: ____, ...oldRest } = old;
  return !deepEqual(nextRest, oldRest);
}

function withNextGeneration(object: KubernetesObject): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, generation: (object.metadata?.generation ?? 0) + 1 } };
}

function withoutName(object: KubernetesObject): KubernetesObject {
  const { name: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

function withoutVersion(object: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

function existsAlready(kind: KindDefinition, name: string, { object }: Entry): StatusError {
  const error = alreadyExists(kind, name);
  if (object.metadata?.deletionTimestamp === undefined) return error;
  return new StatusError({ ...error.status, message: `object is being deleted: ${error.message}` });
}

function versionSetOnCreate(): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "resourceVersion should not be set on objects to be created",
    code: 500,
  });
}
