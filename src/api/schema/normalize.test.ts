import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalize } from "./normalize.ts";
import { modelOf } from "./model.ts";
import type { FieldType } from "./model.ts";

describe("normalize()", () => {
  it("drops what means nothing, keeps three-valued fields, adds structs that are always there", () => {
    const pod = {
      kind: "Pod",
      nonsense: 1,
      metadata: { name: "a", labels: {}, creationTimestamp: null },
      spec: {
        hostNetwork: false,
        hostUsers: false,
        securityContext: {},
        nodeName: "",
        containers: [{ name: "a", command: [], image: "x", resources: { limits: { cpu: 0.5, memory: "1024Mi" } } }],
        volumes: [{ name: "v", emptyDir: {} }],
      },
    };
    expect(normalize("V1Pod", pod)).toEqual({
      kind: "Pod",
      metadata: { name: "a" },
      spec: {
        hostUsers: false,
        securityContext: {},
        containers: [{ name: "a", image: "x", resources: { limits: { cpu: "500m", memory: "1Gi" } } }],
        volumes: [{ name: "v", emptyDir: {} }],
      },
      status: {},
    });
  });

  it("writes times in UTC", () => {
    const lease = { spec: { renewTime: "2024-01-01T02:00:00.5+02:00" } };
    expect(normalize("V1Lease", lease).spec.renewTime).toBe("2024-01-01T00:00:00.500000Z");
    const event = { firstTimestamp: "2024-01-01T00:00:00.9Z" };
    expect(normalize("CoreV1Event", event).firstTimestamp).toBe("2024-01-01T00:00:00Z");
  });

  it("is the same when done twice", () => {
    fc.assert(
      fc.property(valueOf({ type: "model", of: "V1Pod" }, 4), (pod) => {
        const once = normalize("V1Pod", pod as object);
        expect(normalize("V1Pod", once)).toEqual(once);
      }),
      { numRuns: 30 },
    );
  });
});

function valueOf(type: FieldType, depth: number): fc.Arbitrary<unknown> {
  switch (type.type) {
    case "list":
      return fc.array(valueOf(type.of, depth), { maxLength: 2 });
    case "map":
      return fc.dictionary(fc.string({ maxLength: 3 }), valueOf(type.of, depth), { maxKeys: 2 });
    case "model": {
      if (depth === 0) return fc.constant({});
      const fields = [...modelOf(type.of).fields.values()];
      return fc.record(Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, depth - 1)])), {
        requiredKeys: [],
      });
    }
    case "scalar":
      if (type.of === "boolean") return fc.boolean();
      if (type.of === "quantity") return fc.constantFrom("0", "1.5", "100m", "2048Ki");
      if (type.of === "time" || type.of === "microTime") return fc.constantFrom("2024-01-01T00:00:00Z", "");
      if (type.of === "string" || type.of === "bytes") return fc.constantFrom("", "a");
      return fc.integer({ min: 0, max: 3 });
  }
}
