import type { FeatureGates } from "../../api/feature-gates.ts";
import type { KindContext, KindDefinition } from "../../api/kinds/definition.ts";
import { deepEqual } from "../../api/schema/normalize.ts";
import { alreadyExists, notFound, StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { encodeEntry, entryKey } from "../storage/entry.ts";
import type { Entry } from "../storage/entry.ts";
import type { Storage, WriteDecision } from "../storage/storage.ts";
import { MAIN } from "./aspects.ts";
import { readyForCreate } from "./create-object.ts";
import { decideDeletion } from "./deletion.ts";
import type { DeleteOptions } from "./deletion.ts";
import { isCreatedByUpdate } from "./kind-policies.ts";
import { checkName, checkNamespace } from "./object-identity.ts";
import { withoutName, withoutVersion } from "./system-metadata.ts";
import { decideUpdate } from "./update-object.ts";
import type { Change, WriteContext } from "./write-context.ts";

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

const MAX_NAME_ATTEMPTS = 8;

export function createRegistry(deps: {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly gates: FeatureGates;
}): Registry {
  const { storage, clock, random, gates } = deps;
  const kindContext = (): KindContext => ({ gates, now: clock.now() });
  const creating = { random, kindContext };

  const createOnce = async (
    kind: KindDefinition,
    namespace: string,
    object: KubernetesObject,
    context: WriteContext,
  ): Promise<Written> => {
    const next = await readyForCreate(creating, kind, namespace, object, context);
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
          decision = {
            type: "put",
            object: await readyForCreate(creating, kind, namespace, withoutVersion(created), context),
          };
        } else {
          decision = await decideUpdate(kindContext, kind, namespace, name, change, current, context);
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
