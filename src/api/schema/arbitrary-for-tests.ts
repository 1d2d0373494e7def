import * as fc from "fast-check";
import { modelOf } from "./model.ts";
import type { FieldType, ScalarType } from "./model.ts";

const TEXTS = [
  "",
  "a",
  "b",
  "A_b",
  "x/y",
  "/x/../y",
  "10.0.0.1",
  "::1/64",
  "None",
  "Always",
  "Never",
  "TCP",
  "In",
  "Exists",
  "50%",
];

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case "boolean":
      return fc.boolean();
    case "quantity":
      return fc.constantFrom("0", "1.5", "100m", "2048Ki", "-1");
    case "time":
    case "microTime":
      return fc.constantFrom("2024-01-01T00:00:00Z", "");
    case "bytes":
      return fc.constantFrom("", "YQ==");
    case "string":
    case "any":
      return fc.constantFrom(...TEXTS);
    case "intOrString":
      return fc.constantFrom(0, 80, 70_000, "", "http", "50%");
    case "int32":
    case "int64":
    case "double":
      return fc.constantFrom(-1, 0, 1, 3, 70_000);
  }
}

/** Values of a type, few fields of each struct at a time, so that much of a deep model is reached. */
export function valueOf(type: FieldType, depth: number): fc.Arbitrary<unknown> {
  switch (type.type) {
    case "list":
      return fc.array(valueOf(type.of, depth), { maxLength: 2 });
    case "map":
      return fc.dictionary(fc.constantFrom("a", "memory", "storage", "x/y", "A b", ""), valueOf(type.of, depth), {
        maxKeys: 2,
      });
    case "model": {
      if (depth === 0) return fc.constant({});
      const { fields } = modelOf(type.of);
      return fc
        .subarray([...fields.values()], { maxLength: Math.min(5, fields.size) })
        .chain((picked) =>
          fc.record(Object.fromEntries(picked.map((field) => [field.name, valueOf(field.type, depth - 1)]))),
        );
    }
    case "scalar":
      return scalar(type.of);
  }
}

/** Objects of a kind, with a name, in all stages of completeness. */
export function objectOf(schema: string, depth = 6): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const { fields } = modelOf(schema);
  const parts = [...fields.values()].filter(({ name }) => !["apiVersion", "kind", "metadata"].includes(name));
  const some = fc.record(Object.fromEntries(parts.map((field) => [field.name, valueOf(field.type, depth)])), {
    requiredKeys: [],
  });
  return some.map((object) => ({ metadata: { name: "a", namespace: "default" }, ...object }));
}
