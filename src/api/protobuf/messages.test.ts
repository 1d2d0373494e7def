import { describe, expect, it } from "vitest";
import { modelNames, modelOf } from "../schema/index.ts";
import type { FieldType } from "../schema/index.ts";
import { PROTOBUF_FIELDS } from "./generated/fields.ts";
import { numberedFieldsOf } from "./messages.ts";

function typeText(type: FieldType): string {
  if (type.type === "list") return `[]${typeText(type.of)}`;
  return type.type === "map" ? `{}${typeText(type.of)}` : type.of;
}

function modelIn(type: FieldType): string | undefined {
  if (type.type === "model") return type.of;
  return type.type === "scalar" ? undefined : modelIn(type.of);
}

describe("the table of protobuf fields", () => {
  it("knows the models of the schema and no others", () => {
    expect(Object.keys(PROTOBUF_FIELDS).sort()).toEqual([...modelNames()].sort());
  });

  it("has the fields of every model with their types", () => {
    for (const model of modelNames()) {
      const numbered = numberedFieldsOf(model);
      const inMessage = new Map(numbered.map(({ name, type }) => [name, type]));
      const inSchema = new Map([...modelOf(model).fields.values()].map(({ name, type }) => [name, typeText(type)]));
      // The type information of whole objects travels in the envelope.
      if (!inMessage.has("apiVersion") && !inMessage.has("kind")) {
        inSchema.delete("apiVersion");
        inSchema.delete("kind");
      }
      expect(inMessage, model).toEqual(inSchema);
    }
  });

  it("gives each field a number of its own", () => {
    for (const model of modelNames()) {
      const paths = numberedFieldsOf(model).map(({ path }) => path);
      expect(new Set(paths.map(String)).size, model).toBe(paths.length);
      // A number is a field or a nested message, never both.
      const outer = new Set(paths.filter((path) => path.length > 1).map(([first]) => first));
      for (const path of paths) if (path.length === 1) expect(outer, model).not.toContain(path[0]);
      for (const number of paths.flat()) expect(number, model).toBeGreaterThan(0);
    }
  });

  it("keeps apart which models may leave out their type", () => {
    const typed = modelNames().filter((model) => {
      const { fields } = modelOf(model);
      return fields.has("apiVersion") && fields.has("kind");
    });
    const withoutType = typed.filter((model) => !numberedFieldsOf(model).some(({ name }) => name === "kind"));
    const whole = typed.filter((model) => {
      const { fields } = modelOf(model);
      return fields.has("metadata") || model === "V1DeleteOptions";
    });
    expect(withoutType.sort()).toEqual(whole.sort());
  });

  it("holds no model that contains itself: the depth of decoding is bounded by the models", () => {
    const depths = new Map<string, number>();
    const depthOf = (model: string, above: readonly string[]): number => {
      expect(above).not.toContain(model);
      const known = depths.get(model);
      if (known !== undefined) return known;
      const inner = [...modelOf(model).fields.values()].map(({ type }) => modelIn(type));
      const depth =
        1 + Math.max(0, ...inner.map((name) => (name === undefined ? 0 : depthOf(name, [...above, model]))));
      depths.set(model, depth);
      return depth;
    };
    for (const model of modelNames()) expect(depthOf(model, [])).toBeLessThan(32);
  });
});
