import { describe, expect, it } from "vitest";
import { KINDS } from "../kinds/index.ts";
import { listTypeOf, modelOf, patchMetadataOf } from "./index.ts";
import { LIST_TYPES } from "./list-types.ts";
import { schemasReachableFrom } from "./openapi.ts";
import { PATCH_STRATEGIES } from "./patch-strategies.ts";
import { ZERO_VALUES } from "./zero-values.ts";

const tables: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["patch strategies", PATCH_STRATEGIES],
  ["list types", LIST_TYPES],
];

describe("the tables written by hand", () => {
  it.each(tables)("%s name fields that exist", (_name, table) => {
    const unknown = Object.entries(table).flatMap(([model, text]) =>
      text
        .split(" ")
        .map((entry) => entry.split("=")[0] ?? "")
        .filter((field) => !modelOf(model).fields.has(field))
        .map((field) => `${model}.${field}`),
    );
    expect(unknown).toEqual([]);
  });

  it("zero values name fields that exist", () => {
    const unknown = Object.entries(ZERO_VALUES).flatMap(([model, text]) =>
      text
        .split(" ")
        .flatMap((group) => (group.split(":")[1] ?? "").split(","))
        .filter((field) => !modelOf(model).fields.has(field))
        .map((field) => `${model}.${field}`),
    );
    expect(unknown).toEqual([]);
  });

  it("merge lists by a field their entries have", () => {
    const wrong: string[] = [];
    for (const name of schemasReachableFrom(KINDS.map((kind) => kind.schema))) {
      for (const field of modelOf(name).fields.values()) {
        const key = patchMetadataOf(name, field.name).mergeKey ?? "";
        const entry = field.type.type === "list" && field.type.of.type === "model" ? field.type.of.of : undefined;
        const list = listTypeOf(name, field.name);
        const keys = [...(key === "" ? [] : [key]), ...(list?.type === "map" ? list.keys : [])];
        if (keys.some((each) => entry === undefined || !modelOf(entry).fields.has(each)))
          wrong.push(`${name}.${field.name}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("patchMetadataOf() and listTypeOf()", () => {
  it.each([
    ["V1PodSpec", "containers", "name", { type: "map", keys: ["name"] }],
    ["V1Container", "ports", "containerPort", { type: "map", keys: ["containerPort", "protocol"] }],
    ["V1ObjectMeta", "ownerReferences", "uid", { type: "map", keys: ["uid"] }],
    ["V1ObjectMeta", "finalizers", "", { type: "set" }],
    ["V1Container", "command", undefined, { type: "atomic" }],
  ])("%s.%s", (model, field, key, list) => {
    expect(patchMetadataOf(model, field).mergeKey).toBe(key);
    expect(listTypeOf(model, field)).toEqual(list);
  });

  it("know structs of which only the fields that are sent stay", () => {
    expect(patchMetadataOf("V1PodSpec", "volumes")).toEqual({ mergeKey: "name", retainKeys: true, replace: false });
  });
});
