import { describe, expect, it } from "vitest";
import type { Node } from "../../api/types.ts";
import { evictionPace, observeHealth, unreachableAt } from "./node-health.ts";

const OPTIONS = { graceMs: 50_000, startupGraceMs: 60_000 };
const node = (lastHeartbeatTime?: string): Node => ({
  metadata: { name: "n", creationTimestamp: "1970-01-01T00:00:00Z" },
  ...(lastHeartbeatTime !== undefined && {
    status: { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime }] },
  }),
});
const lease = (renewTime: string) => ({ spec: { renewTime } });

describe("observeHealth()", () => {
  it("counts from its own clock, whatever the node's clock says", () => {
    const first = observeHealth(undefined, node("2030-01-01T00:00:00Z"), undefined, 1_000_000);
    expect(unreachableAt(first, OPTIONS)).toBe(1_050_000);
    const same = observeHealth(first, node("2030-01-01T00:00:00Z"), undefined, 1_040_000);
    expect(unreachableAt(same, OPTIONS)).toBe(1_050_000);
    const beaten = observeHealth(same, node("2030-01-01T00:00:10Z"), undefined, 1_040_000);
    expect(unreachableAt(beaten, OPTIONS)).toBe(1_090_000);
  });

  it("takes a renewed lease for a sign of life", () => {
    const first = observeHealth(undefined, node("a"), lease("1"), 1_000_000);
    const renewed = observeHealth(first, node("a"), lease("2"), 1_020_000);
    expect(unreachableAt(renewed, OPTIONS)).toBe(1_070_000);
  });

  it("gives a node that never spoke its time since it was created", () => {
    expect(unreachableAt(observeHealth(undefined, node(), undefined, 10_000), OPTIONS)).toBe(60_000);
  });
});

describe("evictionPace()", () => {
  const pace = (ready: number, notReady: number, others = 0) =>
    evictionPace({ ready, notReady }, { ready: ready + others, notReady });

  it("stops when nobody is ready, goes slowly in large zones that are mostly dead", () => {
    expect(pace(0, 1)).toBe("stopped");
    expect(pace(0, 3, 1)).toEqual({ nodesPerSecond: 0.1 });
    expect(pace(5, 1)).toEqual({ nodesPerSecond: 0.1 });
    expect(pace(2, 3)).toBe("stopped");
    expect(pace(1, 2)).toEqual({ nodesPerSecond: 0.1 });
    expect(pace(20, 40)).toEqual({ nodesPerSecond: 0.01 });
  });
});
