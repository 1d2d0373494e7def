import { describe, expect, it } from "vitest";
import { createSystemClock } from "./clock.ts";

describe("createSystemClock()", () => {
  const clock = createSystemClock();

  it("sleeps at least as long as asked", async () => {
    const begun = clock.monotonic();
    await clock.sleep(20, new AbortController().signal);
    expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(20);
  });

  it("wakes with the reason when aborted, before or while sleeping", async () => {
    const abort = new AbortController();
    // Longer than a timer of Node can be.
    const sleeping = clock.sleep(2 ** 40, abort.signal);
    abort.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    await expect(clock.sleep(1, abort.signal)).rejects.toThrow("enough");
  });
});
