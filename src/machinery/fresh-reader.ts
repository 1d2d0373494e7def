import type { Informer } from "./informer.ts";
import { keyOf, type ApiObject } from "./resources.ts";

/** What an informer shows, but never older than what this process was answered when it wrote. */
export interface FreshReader<T> {
  get(key: string): T | undefined;
  /** The newest that is known of an object: the one given or, if that is newer, the one that was written. */
  newest(object: T): T;
  /** The server's answer to a write. Forgotten once the informer shows it or something newer. */
  wrote(object: T): void;
}

/** Keeps at most one object a write that the informer has not shown yet. */
export function createFreshReader<T extends ApiObject>(
  informer: Pick<Informer<T>, "reader" | "onChange">,
): FreshReader<T> {
  const written = new Map<string, T>();
  informer.onChange(({ type, key, object }) => {
    const own = written.get(key);
    if (own !== undefined && (type === "deleted" || !isNewer(own, object))) written.delete(key);
  });
  return {
    get: (key) => written.get(key) ?? informer.reader.get(key),
    newest: (object) => written.get(keyOf(object)) ?? object,
    wrote(object) {
      const key = keyOf(object);
      const shown = informer.reader.get(key);
      // Gone, made anew or changed again before the answer came: the informer knows better.
      if (shown === undefined || shown.metadata?.uid !== object.metadata?.uid || !isNewer(object, shown)) return;
      written.set(key, object);
    },
  };
}

/** Versions of one resource count up; what is no number can not be compared and is taken as it comes. */
function isNewer(a: ApiObject, b: ApiObject): boolean {
  const [left, right] = [a, b].map(({ metadata }) => metadata?.resourceVersion ?? "");
  if (left === undefined || right === undefined || !/^\d+$/.test(left) || !/^\d+$/.test(right)) return false;
  return BigInt(left) > BigInt(right);
}
