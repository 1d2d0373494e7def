import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { isJsonObject } from "./json-value.ts";
import type { JsonObject } from "./json-value.ts";
import { mergePatch } from "./merge-patch.ts";
import { strategicMergePatch } from "./strategic-merge.ts";

const pod = (spec: object, metadata: object = {}): Record<string, unknown> => ({ metadata, spec });

function patched(original: Record<string, unknown>, patch: Record<string, unknown>): Pod {
  return strategicMergePatch(original, patch, "V1Pod") as Pod;
}

describe("strategicMergePatch", () => {
  const two = pod({
    containers: [
      { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
      { name: "b", image: "b:1" },
    ],
  });

  it("merges lists by their key and leaves the rest alone", () => {
    const patch = pod({ containers: [{ name: "a", image: "a:2", env: [{ name: "Y", value: "2" }] }] });
    expect(patched(two, patch).spec?.containers).toEqual([
      {
        name: "a",
        image: "a:2",
        env: [
          { name: "Y", value: "2" },
          { name: "X", value: "1" },
        ],
      },
      { name: "b", image: "b:1" },
    ]);
  });

  it("adds entries it does not find, before those the patch does not name", () => {
    const patch = pod({ containers: [{ name: "c", image: "c:1" }] });
    expect(patched(two, patch).spec?.containers.map((each) => each.name)).toEqual(["c", "a", "b"]);
  });

  it("removes entries by $patch: delete", () => {
    const patch = pod({ containers: [{ $patch: "delete", name: "a" }] });
    expect(patched(two, patch).spec?.containers.map((each) => each.name)).toEqual(["b"]);
  });

  it("replaces lists and maps by $patch: replace", () => {
    const list = pod({ containers: [{ name: "z", image: "z" }, { $patch: "replace" }] });
    expect(patched(two, list).spec?.containers).toEqual([{ name: "z", image: "z" }]);
    const map = { metadata: { labels: { $patch: "replace", only: "this" } } };
    expect(patched(pod({}, { labels: { a: "1" } }), map).metadata?.labels).toEqual({ only: "this" });
  });

  it("empties a map by $patch: delete", () => {
    const patch = { metadata: { labels: { $patch: "delete" } } };
    expect(patched(pod({}, { labels: { a: "1" } }), patch).metadata?.labels).toEqual({});
  });

  it("keeps only what $retainKeys names", () => {
    const original = pod({ volumes: [{ name: "v", emptyDir: {} }] });
    const patch = pod({ volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] });
    expect(patched(original, patch).spec?.volumes).toEqual([{ name: "v", hostPath: { path: "/x" } }]);
    const wrong = pod({ volumes: [{ name: "v", $retainKeys: ["name"], hostPath: { path: "/x" } }] });
    expect(() => patched(original, wrong)).toThrow("invalid patch format of retainKeys");
  });

  it("merges lists of plain values as sets, and removes from them", () => {
    const original = pod({}, { finalizers: ["a", "b", "c"] });
    expect(patched(original, { metadata: { finalizers: ["d", "a"] } }).metadata?.finalizers?.toSorted()).toEqual([
      "a",
      "b",
      "c",
      "d",
    ]);
    const removal = { metadata: { "$deleteFromPrimitiveList/finalizers": ["b", "x"] } };
    expect(patched(original, removal).metadata).toEqual({ finalizers: ["a", "c"] });
  });

  it("orders lists by $setElementOrder", () => {
    const original = pod({ containers: [{ name: "a" }, { name: "server-side" }, { name: "b" }, { name: "c" }] });
    const patch = pod({
      "$setElementOrder/containers": [{ name: "c" }, { name: "b" }, { name: "a" }],
      containers: [{ name: "b", image: "new" }],
    });
    const names = patched(original, patch).spec?.containers.map((each) => each.name);
    expect(names?.filter((name) => name !== "server-side")).toEqual(["c", "b", "a"]);
    expect(names).toHaveLength(4);
  });

  it("refuses a list whose order contradicts $setElementOrder", () => {
    const patch = pod({ "$setElementOrder/containers": [{ name: "a" }], containers: [{ name: "b", image: "new" }] });
    expect(() => patched(two, patch)).toThrow("doesn't match $setElementOrder list");
  });

  it("replaces lists without a merge key", () => {
    const original = pod({ containers: [{ name: "a", args: ["1", "2"] }] });
    const patch = pod({ containers: [{ name: "a", args: ["3"] }] });
    expect(patched(original, patch).spec?.containers).toEqual([{ name: "a", args: ["3"] }]);
  });

  it("removes fields by null, also inside what it adds", () => {
    const patch = pod({ nodeName: null, securityContext: { runAsUser: null, runAsGroup: 5 } });
    expect(patched(pod({ nodeName: "n" }), patch).spec).toEqual({ securityContext: { runAsGroup: 5 } });
  });

  it("refuses entries without their merge key, unknown directives and unknown fields", () => {
    expect(() => patched(two, pod({ containers: [{ image: "x" }] }))).toThrow(
      "map: map[image:x] does not contain declared merge key: name",
    );
    expect(() => patched(two, { metadata: { $patch: "shuffle" } })).toThrow("unknown patch type: shuffle in map");
    const unknown = { spec: { nope: { a: 1 } } };
    expect(() => patched(unknown, { spec: { nope: { b: 1 } } })).toThrow("unable to find api field");
  });

  const name = fc.constantFrom("a", "b", "c", "__proto__");
  const plain = fc.oneof(fc.string({ maxLength: 2 }), fc.integer());
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small" }, plain, tie("map")),
    map: fc.dictionary(name, tie("value"), { maxKeys: 3 }),
  }));

  it("is the same as a merge patch where there are only flat maps, and changes neither argument", () => {
    fc.assert(
      fc.property(fc.dictionary(name, plain, { maxKeys: 3 }), json.map, (original, patch) => {
        const [left, right] = [{ data: original }, { data: patch as JsonObject }];
        const before = JSON.stringify([left, right]);
        const merged = strategicMergePatch(left, right, "V1ConfigMap");
        expect(sorted(merged)).toBe(sorted(mergePatch(left, right)));
        expect(JSON.stringify([left, right])).toBe(before);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** JSON with keys in order. */
function sorted(value: unknown): string {
  if (!isJsonObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value).sort();
  return `{${fields.map((field) => `${JSON.stringify(field)}:${sorted(value[field])}`).join(",")}}`;
}

describe("mergePatch", () => {
  it.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("RFC 7396: %j with %j is %j", (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it("takes __proto__ for a key like any other", () => {
    const result = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.keys(result as object)).toEqual(["__proto__"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
