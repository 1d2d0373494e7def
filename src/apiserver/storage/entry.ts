import type { KubernetesObject } from "../../api/types.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * One version of one object. The bytes are the truth: JSON with kind and apiVersion first and resourceVersion set; they
 * go to clients and to the disk as they are. The parsed object is made from them when somebody asks, and is frozen.
 */
export class Entry {
  /** "namespace/name", or "name" in cluster scope. */
  readonly key: string;
  readonly revision: number;
  readonly bytes: Uint8Array;
  /** When it was written (ms since the epoch); for an entry read from disk: when it was read. */
  readonly writtenAt: number;
  #object: KubernetesObject | undefined;

  constructor(key: string, revision: number, bytes: Uint8Array, writtenAt: number, object?: KubernetesObject) {
    this.key = key;
    this.revision = revision;
    this.bytes = bytes;
    this.writtenAt = writtenAt;
    this.#object = object;
  }

  get object(): KubernetesObject {
    this.#object ??= freezeDeep(JSON.parse(decoder.decode(this.bytes)) as KubernetesObject);
    return this.#object;
  }

  /** Gives back the memory of the parsed form. */
  release(): void {
    this.#object = undefined;
  }
}

/**
 * Encodes an object as it is stored and sent. Key order of the result: kind, apiVersion, metadata, the rest.
 *
 * @param revision undefined for an object that is not stored: it gets no resourceVersion
 */
export function encodeEntry(key: string, revision: number | undefined, object: KubernetesObject, now: number): Entry {
  const { kind, apiVersion, metadata: given, ...rest } = object;
  const { resourceVersion: _, ...metadata } = given ?? {};
  const stored: KubernetesObject = {
    ...(kind !== undefined && { kind }),
    ...(apiVersion !== undefined && { apiVersion }),
    metadata: { ...metadata, ...(revision !== undefined && { resourceVersion: String(revision) }) },
    ...rest,
  };
  return new Entry(key, revision ?? 0, encoder.encode(JSON.stringify(stored)), now, freezeDeep(stored));
}

export function entryKey(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const field of Object.values(value)) freezeDeep(field);
  return Object.freeze(value);
}
