import { describe, expect, it } from "vitest";
import { isNews } from "./pod-news.ts";
import { podOf } from "./pods-for-tests.ts";
import { isUrgent, sameJson, statusPatch } from "./status-patch.ts";

const READY = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };

describe("statusPatch()", () => {
  it("says nothing when nothing changed", () => {
    const status = { phase: "Running", conditions: [READY], podIPs: [{ ip: "10.0.0.1" }] };
    expect(statusPatch(status, { ...status })).toBeUndefined();
    // A server writes null where it has nothing.
    const withNull = { ...status, conditions: [{ ...READY, lastProbeTime: null }] };
    expect(statusPatch(withNull as never, status)).toBeUndefined();
  });

  it("names only the conditions that changed, and takes back what is no longer said", () => {
    const known = {
      conditions: [
        { ...READY, status: "False", reason: "ContainersNotReady", message: "containers …" },
        { type: "Initialized", status: "True" },
      ],
    };
    const wanted = { conditions: [READY, { type: "Initialized", status: "True" }] };
    expect(statusPatch(known, wanted)).toEqual({ conditions: [{ ...READY, reason: null, message: null }] });
  });

  it("never writes conditions of others", () => {
    const wanted = { conditions: [{ type: "example.com/lb", status: "True" }] };
    expect(statusPatch({}, wanted)).toBeUndefined();
  });

  it("replaces lists of addresses and removes fields that are gone", () => {
    const known = { podIPs: [{ ip: "10.0.0.1" }], reason: "Evicted" };
    expect(statusPatch(known, { podIPs: [{ ip: "10.0.0.2" }] })).toEqual({
      podIPs: [{ ip: "10.0.0.2" }, { $patch: "replace" }],
      reason: null,
    });
  });
});

describe("isUrgent()", () => {
  it("holds for what people wait for", () => {
    expect(isUrgent({}, { phase: "Running" })).toBe(true);
    expect(isUrgent({}, { phase: "Pending", conditions: [{ type: "Ready", status: "False" }] })).toBe(false);
    expect(isUrgent({ phase: "Running" }, { phase: "Running", conditions: [READY] })).toBe(true);
  });
});

describe("sameJson()", () => {
  it("compares values, whatever the order of fields", () => {
    expect(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, {}], a: 1 })).toBe(true);
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(sameJson({ a: [] }, { a: {} })).toBe(false);
    expect(sameJson("1", 1)).toBe(false);
  });
});

describe("isNews()", () => {
  it("ignores the kubelet's own words coming back", () => {
    const before = podOf();
    const echo = {
      ...before,
      metadata: { ...before.metadata, resourceVersion: "7" },
      status: { phase: "Running", conditions: [READY] },
    };
    expect(isNews(before, echo)).toBe(false);
    expect(isNews(before, { ...before, status: { phase: "Failed", reason: "Evicted" } })).toBe(true);
    expect(isNews(before, { ...before, status: { conditions: [{ type: "example.com/lb", status: "True" }] } })).toBe(
      true,
    );
    expect(isNews(before, { ...before, spec: { containers: [{ name: "app", image: "app:2" }] } })).toBe(true);
  });
});
