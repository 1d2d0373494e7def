import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeQosClass } from "./pod-qos.ts";
import { podLimits, podRequests, writeResources } from "./pod-resources.ts";
import type { Container, PodSpec } from "./types.ts";

const asking = (name: string, cpu: string, restartPolicy?: string): Container => ({
  name,
  resources: { requests: { cpu } },
  ...(restartPolicy !== undefined && { restartPolicy }),
});

describe("podRequests()", () => {
  it("adds containers, takes the largest init step, counts sidecars in both, adds overhead", () => {
    const spec: PodSpec = {
      initContainers: [
        asking("i1", "1"),
        asking("s1", "200m", "Always"),
        asking("i2", "1900m"),
        asking("s2", "300m", "Always"),
      ],
      containers: [asking("a", "500m"), asking("b", "250m")],
      overhead: { cpu: "10m", memory: "1Mi" },
    };
    expect(writeResources(podRequests(spec))).toEqual({ cpu: "2110m", memory: "1Mi" });
    expect(writeResources(podRequests({ ...spec, initContainers: [] }))).toEqual({ cpu: "760m", memory: "1Mi" });
  });

  it("lets pod-level requests win", () => {
    const spec: PodSpec = { containers: [asking("a", "500m")], resources: { requests: { cpu: "2" } } };
    expect(writeResources(podRequests(spec))).toEqual({ cpu: "2" });
  });

  it("never asks for less than any of its containers", () => {
    const milli = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(
        fc.array(milli, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(milli, fc.boolean()), { maxLength: 4 }),
        (own, init) => {
          const spec: PodSpec = {
            containers: own.map((cpu, i) => asking(`c${i}`, `${cpu}m`)),
            initContainers: init.map(([cpu, isSidecar], i) =>
              asking(`i${i}`, `${cpu}m`, isSidecar ? "Always" : undefined),
            ),
          };
          const total = podRequests(spec).get("cpu")?.nanos ?? 0n;
          for (const cpu of [...own, ...init.map(([amount]) => amount)]) {
            expect(total).toBeGreaterThanOrEqual(BigInt(cpu) * 1_000_000n);
          }
        },
      ),
    );
  });
});

describe("podLimits()", () => {
  it("adds overhead only to limits that are set", () => {
    const spec: PodSpec = {
      containers: [{ name: "a", resources: { limits: { memory: "1Gi" } } }],
      overhead: { cpu: "10m", memory: "24Mi" },
    };
    expect(writeResources(podLimits(spec))).toEqual({ memory: "1048Mi" });
  });
});

describe("computeQosClass()", () => {
  const both = { cpu: "1", memory: "1Gi" };
  it.each([
    ["nothing set", {}, "BestEffort"],
    ["zeros", { requests: { cpu: "0" } }, "BestEffort"],
    ["other resources only", { limits: { "example.com/x": "1" } }, "BestEffort"],
    ["limits equal to requests", { limits: both, requests: both }, "Guaranteed"],
    [
      "the same amounts written differently",
      { limits: both, requests: { cpu: "1000m", memory: "1024Mi" } },
      "Guaranteed",
    ],
    ["one limit missing", { limits: { cpu: "1" }, requests: { cpu: "1" } }, "Burstable"],
    ["requests below limits", { limits: both, requests: { cpu: "1", memory: "1Mi" } }, "Burstable"],
    ["requests only", { requests: both }, "Burstable"],
  ] as const)("%s gives %s", (_title, resources, expected) => {
    expect(computeQosClass({ containers: [{ name: "a", resources }] })).toBe(expected);
  });

  it("takes all containers into account, and only pod-level resources when there are any", () => {
    const good = { name: "a", resources: { limits: both, requests: both } };
    expect(computeQosClass({ containers: [good, { name: "b" }] })).toBe("Burstable");
    expect(computeQosClass({ containers: [good], initContainers: [{ name: "b" }] })).toBe("Burstable");
    expect(computeQosClass({ containers: [{ name: "b" }], resources: { limits: both, requests: both } })).toBe(
      "Guaranteed",
    );
  });
});
