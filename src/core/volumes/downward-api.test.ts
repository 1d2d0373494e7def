import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { downwardPayload, formatMap, metadataFieldText, resourceFieldText } from "./downward-api.ts";

const pod: Pod = {
  metadata: {
    name: "web",
    namespace: "default",
    uid: "u1",
    labels: { b: "2", a: 'say "hi"\n' },
    annotations: { "x.y/z": "1" },
  },
  spec: {
    containers: [
      {
        name: "main",
        image: "i",
        resources: { limits: { memory: "64Mi" }, requests: { cpu: "250m", "hugepages-2Mi": "4Mi" } },
      },
    ],
  },
};

describe("metadataFieldText()", () => {
  it.each([
    ["metadata.name", "web"],
    ["metadata.uid", "u1"],
    ["metadata.labels['b']", "2"],
    ["metadata.annotations['x.y/z']", "1"],
    ["metadata.labels['none']", ""],
  ])("gives %s", (path, value) => {
    expect(metadataFieldText(pod, path)).toEqual({ ok: true, value });
  });

  it("sorts and quotes whole maps as they have always been", () => {
    expect(formatMap(pod.metadata?.labels)).toBe('a="say \\"hi\\"\\n"\nb="2"');
    expect(formatMap({ k: "tab\tü\u0001\u{1F600}" })).toBe('k="tab\\tü\\x01\u{1F600}"');
  });

  it("refuses other fields", () => {
    expect(metadataFieldText(pod, "spec.nodeName")).toEqual({
      ok: false,
      reason: "unsupported fieldPath: spec.nodeName",
    });
    expect(metadataFieldText(pod, "metadata.name['x']")).toMatchObject({ ok: false });
  });
});

describe("resourceFieldText()", () => {
  const allocatable = { cpu: "2", memory: "4Gi" };
  it.each([
    ["requests.cpu", "1m", "250"],
    ["requests.cpu", undefined, "1"],
    ["limits.memory", "1Mi", "64"],
    ["limits.memory", undefined, "67108864"],
    ["limits.cpu", undefined, "2"],
    ["requests.memory", undefined, "0"],
    ["requests.hugepages-2Mi", "1Mi", "4"],
  ])("gives %s in units of %s", (resource, divisor, value) => {
    const reference = { containerName: "main", resource, ...(divisor !== undefined && { divisor }) };
    expect(resourceFieldText(pod, reference, allocatable)).toEqual({ ok: true, value });
  });
});

describe("downwardPayload()", () => {
  it("tells all problems at once", () => {
    const items = [
      { path: "a", fieldRef: { fieldPath: "spec.x" } },
      { path: "b", resourceFieldRef: { containerName: "none", resource: "limits.cpu" } },
    ];
    expect(downwardPayload(pod, items, 0o644, {})).toEqual({
      ok: false,
      reason: "unsupported fieldPath: spec.x, container none not found",
    });
  });
});
