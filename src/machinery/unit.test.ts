import { describe, expect, it } from "vitest";
import { createUnitGroup, runUnits, type Unit } from "./unit.ts";

function recording(name: string, events: string[], work?: (signal: AbortSignal) => Promise<void>): Unit {
  return {
    name,
    async run(signal, ready) {
      events.push(`${name} starts`);
      ready();
      await (work?.(signal) ?? new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
      events.push(`${name} ended`);
    },
  };
}

describe("runUnits()", () => {
  it("starts in order and stops in reverse when the signal aborts", async () => {
    const events: string[] = [];
    const stop = new AbortController();
    await runUnits([recording("a", events), recording("b", events)], stop.signal, () => {
      events.push("ready");
      stop.abort();
    });
    expect(events).toEqual(["a starts", "b starts", "ready", "b ended", "a ended"]);
  });

  it("stops all and throws the reason when one fails", async () => {
    const events: string[] = [];
    const failing = recording("b", events, () => Promise.reject(new Error("no")));
    await expect(runUnits([recording("a", events), failing], new AbortController().signal)).rejects.toThrow("no");
    expect(events).toEqual(["a starts", "b starts", "a ended"]);
  });

  it("does not start later units when an earlier one fails before it is ready", async () => {
    const events: string[] = [];
    const failing: Unit = { name: "a", run: () => Promise.reject(new Error("port taken")) };
    await expect(runUnits([failing, recording("b", events)], new AbortController().signal)).rejects.toThrow("taken");
    expect(events).toEqual([]);
  });

  it("is not waiting for a unit that never becomes ready once the signal aborts", async () => {
    const stop = new AbortController();
    const silent: Unit = {
      name: "silent",
      run: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
    };
    const running = runUnits([silent], stop.signal);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });

  it("takes rejecting with the abort reason as a clean stop", async () => {
    const stop = new AbortController();
    const unit: Unit = {
      name: "sleeper",
      run: (signal, ready) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          ready();
        }),
    };
    await expect(runUnits([unit], stop.signal, () => stop.abort())).resolves.toBeUndefined();
  });
});

describe("createUnitGroup()", () => {
  it("is ready when all are, started together", async () => {
    const events: string[] = [];
    const stop = new AbortController();
    const group = createUnitGroup("all", [recording("a", events), recording("b", events)], "together");
    await runUnits([group], stop.signal, () => {
      events.push("ready");
      stop.abort();
    });
    expect(events.slice(0, 3)).toEqual(["a starts", "b starts", "ready"]);
  });

  it("stops the others when one fails, started together", async () => {
    const events: string[] = [];
    const failing = recording("b", events, () => Promise.reject(new Error("no")));
    const group = createUnitGroup("all", [recording("a", events), failing], "together");
    await expect(runUnits([group], new AbortController().signal)).rejects.toThrow("no");
    expect(events).toContain("a ended");
  });
});
