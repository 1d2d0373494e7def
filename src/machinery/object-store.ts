import { keyOf, type ApiObject } from "./resources.ts";

/** A consistent view of the objects of one resource. Objects are shared: never change them. */
export interface ObjectReader<T> {
  /** @param key "namespace/name", or "name" for cluster scope */
  get(key: string): T | undefined;
  list(): readonly T[];
  readonly size: number;
}

/** Objects that were filed under a value. */
export type Index<T> = (value: string) => readonly T[];

export type Change<T> =
  | { readonly type: "added"; readonly key: string; readonly object: T }
  | { readonly type: "updated"; readonly key: string; readonly object: T; readonly old: T }
  | { readonly type: "deleted"; readonly key: string; readonly object: T };

/** The only hand that changes what readers see. Each call returns what changed. */
export interface ObjectWriter<T> {
  replaceAll(objects: readonly T[]): readonly Change<T>[];
  put(object: T): Change<T>;
  /** undefined when it was not there. */
  remove(key: string): Change<T> | undefined;
}

export interface ObjectStore<T> {
  readonly reader: ObjectReader<T>;
  readonly writer: ObjectWriter<T>;
  /** Files each object under the values `valuesOf` gives for it, now and from now on. */
  index(valuesOf: (object: T) => readonly string[]): Index<T>;
}

interface Filing<T> {
  readonly valuesOf: (object: T) => readonly string[];
  readonly filed: Map<string, Map<string, T>>;
}

export function createObjectStore<T extends ApiObject>(): ObjectStore<T> {
  let objects = new Map<string, T>();
  const filings: Filing<T>[] = [];

  const file = ({ valuesOf, filed }: Filing<T>, key: string, object: T): void => {
    for (const value of valuesOf(object)) {
      const group = filed.get(value);
      if (group === undefined) filed.set(value, new Map([[key, object]]));
      else group.set(key, object);
    }
  };
  const unfile = ({ valuesOf, filed }: Filing<T>, key: string, object: T): void => {
    for (const value of valuesOf(object)) {
      const group = filed.get(value);
      group?.delete(key);
      if (group?.size === 0) filed.delete(value);
    }
  };
  const set = (key: string, object: T): Change<T> => {
    const old = objects.get(key);
    objects.set(key, object);
    for (const filing of filings) {
      if (old !== undefined) unfile(filing, key, old);
      file(filing, key, object);
    }
    return old === undefined ? { type: "added", key, object } : { type: "updated", key, object, old };
  };

  return {
    reader: {
      get: (key) => objects.get(key),
      list: () => [...objects.values()],
      get size() {
        return objects.size;
      },
    },
    writer: {
      put: (object) => set(keyOf(object), object),
      remove(key) {
        const object = objects.get(key);
        if (object === undefined) return undefined;
        objects.delete(key);
        for (const filing of filings) unfile(filing, key, object);
        return { type: "deleted", key, object };
      },
      replaceAll(all) {
        const before = objects;
        objects = new Map(all.map((object) => [keyOf(object), object]));
        for (const filing of filings) {
          filing.filed.clear();
          for (const [key, object] of objects) file(filing, key, object);
        }
        return changesBetween(before, objects);
      },
    },
    index(valuesOf) {
      const filing: Filing<T> = { valuesOf, filed: new Map() };
      for (const [key, object] of objects) file(filing, key, object);
      filings.push(filing);
      return (value) => [...(filing.filed.get(value)?.values() ?? [])];
    },
  };
}

function changesBetween<T extends ApiObject>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): readonly Change<T>[] {
  const changes: Change<T>[] = [];
  for (const [key, object] of before) if (!after.has(key)) changes.push({ type: "deleted", key, object });
  for (const [key, object] of after) {
    const old = before.get(key);
    if (old === undefined) changes.push({ type: "added", key, object });
    else if (!isSameVersion(old, object)) changes.push({ type: "updated", key, object, old });
  }
  return changes;
}

function isSameVersion(a: ApiObject, b: ApiObject): boolean {
  return (
    a.metadata?.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata?.resourceVersion &&
    a.metadata.uid === b.metadata.uid
  );
}
