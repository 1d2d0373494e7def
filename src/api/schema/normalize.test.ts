import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalize } from "./normalize.ts";
import { valueOf } from "./arbitrary-for-tests.ts";

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
      fc.property(valueOf({ type: "model", of: "V1Pod" }, 6), (pod) => {
        const once = normalize("V1Pod", pod as object);
        expect(normalize("V1Pod", once)).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });
});
