import { OrlopError } from "../../lib/orlop-error.ts";
import type { Store, StoredEntry } from "../../ports/store.ts";

/** A store that lasts as long as the process. */
export function createMemoryStore(): Store {
  const entries = new Map<string, StoredEntry>();
  let revision = 0;
  let closed = false;
  const mustBeOpen = (): void => {
    if (closed) throw new OrlopError("Unavailable", "The store is closed", { retry: "never" });
  };
  return {
    revision() {
      mustBeOpen();
      return revision;
    },
    load() {
      mustBeOpen();
      return [...entries.values()].sort((a, b) => compareBytes(a.key, b.key));
    },
    async commit(mutations) {
      mustBeOpen();
      for (const { key } of mutations) {
        if (key === "" || key.includes("\0")) throw new RangeError(`A key is not empty and has no NUL, not "${key}"`);
      }
      for (const mutation of mutations) {
        if (mutation.type === "delete") entries.delete(mutation.key);
        else entries.set(mutation.key, { ...mutation, value: mutation.value.slice() });
        revision = Math.max(revision, mutation.revision);
      }
    },
    async close() {
      closed = true;
    },
  };
}

/** Order of the UTF-8 bytes, which differs from that of JavaScript strings beyond the basic plane. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
