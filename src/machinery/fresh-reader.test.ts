import { describe, expect, it } from "vitest";
import type { ConfigMap } from "../api/types.ts";
import { createFreshReader } from "./fresh-reader.ts";
import { type Change, createObjectStore } from "./object-store.ts";

const version = (resourceVersion: string, uid = "u"): ConfigMap => ({ metadata: { name: "a", uid, resourceVersion } });

function start() {
  const store = createObjectStore<ConfigMap>();
  const listeners: ((change: Change<ConfigMap>) => void)[] = [];
  const fresh = createFreshReader({
    reader: store.reader,
    onChange(listener) {
      listeners.push(listener);
      return () => undefined;
    },
  });
  const tell = (change: Change<ConfigMap> | undefined): void => {
    if (change !== undefined) for (const listener of listeners) listener(change);
  };
  return {
    fresh,
    show: (object: ConfigMap) => tell(store.writer.put(object)),
    remove: () => tell(store.writer.remove("a")),
    seen: () => fresh.get("a")?.metadata?.resourceVersion,
  };
}

describe("createFreshReader()", () => {
  it("shows what was written until the informer is as new", () => {
    const { fresh, show, seen } = start();
    show(version("9"));
    fresh.wrote(version("11"));
    expect(seen()).toBe("11");
    show(version("10"));
    expect([seen(), fresh.newest(version("10")).metadata?.resourceVersion]).toEqual(["11", "11"]);
    show(version("12"));
    expect(seen()).toBe("12");
  });

  it("keeps no object that is gone, made anew or newer already when the answer comes", () => {
    const { fresh, show, remove, seen } = start();
    show(version("1"));
    fresh.wrote(version("2"));
    remove();
    expect(seen()).toBeUndefined();
    fresh.wrote(version("3"));
    expect(seen()).toBeUndefined();
    show(version("5", "other"));
    fresh.wrote(version("6"));
    expect(seen()).toBe("5");
    fresh.wrote(version("4", "other"));
    expect(seen()).toBe("5");
  });
});
