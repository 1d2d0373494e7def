import type { KindDefinition } from "../api/kinds/definition.ts";
import { notFound } from "../api/status-error.ts";
import type { KubernetesObject } from "../api/types.ts";
import type { User } from "../api/user.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { readFields } from "./encoding/decode-object.ts";
import type { ObjectChange, Objects } from "./extension.ts";
import { MAIN, STATUS } from "./resources/aspects.ts";
import { qualifiedName } from "./resources/kind-policies.ts";
import type { Registry } from "./resources/registry.ts";
import type { WriteContext } from "./resources/write-context.ts";
import { entryKey } from "./storage/entry.ts";
import type { Change } from "./storage/history.ts";
import type { CollectionName, Storage } from "./storage/storage.ts";

const SERVER: User = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"], extra: {} };
const AS_SERVER: WriteContext = { user: SERVER, dryRun: false, warn: () => undefined };

export interface ServerObjects extends Objects {
  /** Gives the facade what it writes with; made after it, because parts need the facade first. */
  attach(registry: Registry, kinds: readonly KindDefinition[]): void;
  serves(kind: string): boolean;
}

/** The objects of a server for code inside of it. Reading works at once, writing after `attach`. */
export function createServerObjects(storage: Storage): ServerObjects {
  const kinds = new Map<string, KindDefinition>();
  let registry: Registry | undefined;
  const kindOf = (name: string): KindDefinition => {
    const kind = kinds.get(name);
    if (kind === undefined) throw new RangeError(`this server has no kind ${JSON.stringify(name)}`);
    return kind;
  };
  const writer = (): Registry => {
    if (registry === undefined)
      throw new OrlopError("Unavailable", "objects were written before the API server was built");
    return registry;
  };
  const keyIn = (kind: KindDefinition, namespace: string, name: string): string =>
    entryKey(kind.namespaced ? namespace : "", name);

  return {
    attach(given, all) {
      registry = given;
      for (const kind of all) kinds.set(qualifiedName(kind), kind);
    },
    serves: (kind) => kinds.has(kind),
    async get(kindName, namespace, name) {
      const kind = kindOf(kindName);
      const entry = storage.collection(kind).get(keyIn(kind, namespace, name));
      if (entry === undefined) throw notFound(kind, name);
      return entry.object;
    },
    list(kindName, namespace) {
      const collection = storage.collection(parseName(kindName));
      const prefix = namespace === "" ? "" : `${namespace}/`;
      return (collection.list({ prefix })?.entries ?? []).map(({ object }) => object);
    },
    async create(kindName, namespace, object) {
      const kind = kindOf(kindName);
      const read = readFields(kind, object, [], "Ignore", () => undefined);
      return (await writer().create(kind, namespace, read, AS_SERVER)).entry.object;
    },
    async update(kindName, namespace, name, change, options) {
      const kind = kindOf(kindName);
      const aspect = options?.subresource === "status" ? STATUS : MAIN;
      const apply = (current: KubernetesObject | undefined): KubernetesObject => {
        if (current === undefined) throw notFound(kind, name);
        const changed = change(current);
        return changed === current ? current : readFields(kind, changed, [], "Ignore", () => undefined);
      };
      return (await writer().update(kind, namespace, name, { aspect, apply }, AS_SERVER)).entry.object;
    },
    async delete(kindName, namespace, name) {
      await writer().delete(kindOf(kindName), namespace, name, {}, AS_SERVER);
    },
    observe(kindName, listener) {
      return storage.collection(parseName(kindName)).observe((change) => listener(asObjectChange(change)));
    },
  };
}

function asObjectChange({ type, entry, old }: Change): ObjectChange {
  if (type === "deleted") return { type, object: entry.object };
  return { type, object: entry.object, ...(old !== undefined && { old: old.object }) };
}

function parseName(name: string): CollectionName {
  const [resource = "", ...group] = name.split(".");
  return { group: group.join("."), resource };
}
