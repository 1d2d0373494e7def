import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeClock, settle } from "../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../testing/quiet.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createReconcileLoop } from "./reconcile-loop.ts";
import { createWorkQueue } from "./work-queue.ts";

const stop: AbortController[] = [];
const fresh = (): AbortSignal => {
  const controller = new AbortController();
  stop.push(controller);
  return controller.signal;
};
afterEach(() => {
  for (const controller of stop.splice(0)) controller.abort();
});

describe("createWorkQueue()", () => {
  it("gives a key once however often it was added, in order", async () => {
    const queue = createWorkQueue({ clock: createFakeClock(), random: seededRandom(1) });
    for (const key of ["a", "b", "a"]) queue.add(key);
    const signal = fresh();
    expect([await queue.next(signal), await queue.next(signal), queue.size]).toEqual(["a", "b", 0]);
  });

  it("gives a key added while it is worked on again, but only after done()", async () => {
    const queue = createWorkQueue({ clock: createFakeClock(), random: seededRandom(1) });
    const signal = fresh();
    queue.add("a");
    await queue.next(signal);
    queue.add("a");
    expect(queue.size).toBe(0);
    queue.done("a");
    expect(await queue.next(signal)).toBe("a");
  });

  it("wakes a waiting taker", async () => {
    const queue = createWorkQueue({ clock: createFakeClock(), random: seededRandom(1) });
    const taken = queue.next(fresh());
    queue.add("a");
    expect(await taken).toBe("a");
  });

  it("addAfter() keeps the earlier of two times", async () => {
    const clock = createFakeClock();
    const queue = createWorkQueue({ clock, random: seededRandom(1) });
    const running = queue.run(fresh());
    queue.addAfter("a", 1_000);
    queue.addAfter("a", 5_000);
    queue.addAfter("b", 3_000);
    await clock.advance(999);
    expect(queue.size).toBe(0);
    await clock.advance(1);
    expect(queue.size).toBe(1);
    queue.addAfter("b", 100);
    await clock.advance(100);
    expect(queue.size).toBe(2);
    stop.pop()?.abort();
    await running;
  });

  it("loses no key and works on none twice at once, whatever the order", async () => {
    const operation = fc.constantFrom("add", "next", "done");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(operation, fc.constantFrom("a", "b", "c")), { maxLength: 60 }),
        async (steps) => {
          const queue = createWorkQueue({ clock: createFakeClock(), random: seededRandom(1) });
          const signal = new AbortController().signal;
          const active = new Set<string>();
          const owed = new Set<string>();
          for (const [operation, key] of steps) {
            if (operation === "add") {
              queue.add(key);
              owed.add(key);
            } else if (operation === "next" && queue.size > 0) {
              const taken = await queue.next(signal);
              expect(active.has(taken)).toBe(false);
              active.add(taken);
              owed.delete(taken);
            } else if (operation === "done" && active.delete(key)) queue.done(key);
          }
          for (const key of active) queue.done(key);
          const rest: string[] = [];
          while (queue.size > 0) rest.push(await queue.next(signal));
          expect(new Set(rest)).toEqual(owed);
        },
      ),
    );
  });
});

describe("createReconcileLoop()", () => {
  it("tries again with growing pauses, and forgets them after a success", async () => {
    const clock = createFakeClock();
    const at: number[] = [];
    const loop = createReconcileLoop(
      { clock, random: seededRandom(1), log: quietLog() },
      {
        name: "test",
        backoff: { initialMs: 100, maximumMs: 1_000 },
        async reconcile() {
          at.push(clock.monotonic());
          if (at.length < 4) throw new Error("not yet");
          return "await-change";
        },
      },
    );
    const running = loop.run(fresh(), () => undefined);
    loop.enqueue("a");
    await clock.advance(10_000);
    expect(at).toEqual([0, 100, 300, 700]);
    stop.pop()?.abort();
    await running;
  });

  it("comes back when asked to, and never for a failure that is for good", async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    const loop = createReconcileLoop(
      { clock, random: seededRandom(1), log: quietLog() },
      {
        name: "test",
        async reconcile(key) {
          seen.push(`${key} ${clock.monotonic()}`);
          if (key === "bad") throw new OrlopError("Invalid", "never");
          return { requeueAfterMs: 4_000 };
        },
      },
    );
    const running = loop.run(fresh(), () => undefined);
    loop.enqueue("bad");
    loop.enqueue("good");
    await clock.advance(9_000);
    expect(seen).toEqual(["bad 0", "good 0", "good 4000", "good 8000"]);
    stop.pop()?.abort();
    await settle();
    await running;
  });
});
