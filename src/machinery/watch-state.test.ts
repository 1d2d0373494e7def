import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INITIAL_WATCH, step, type WatchCommand, type WatchInput, type WatchState } from "./watch-state.ts";

function play(inputs: readonly WatchInput[]): readonly WatchCommand[] {
  let state: WatchState = INITIAL_WATCH[0];
  return inputs.map((input) => {
    const [next, command] = step(state, input);
    state = next;
    return command;
  });
}

describe("step() of a watch", () => {
  it("watches from the listed version and goes on from the last one seen", () => {
    expect(
      play([
        { type: "listed", resourceVersion: "5" },
        { type: "progressed", resourceVersion: "7" },
        { type: "ended", early: false },
      ]),
    ).toEqual([{ do: "watch", resourceVersion: "5" }, { do: "continue" }, { do: "watch", resourceVersion: "7" }]);
  });

  it("lists again at once when the version expired, then with back-off", () => {
    expect(
      play([{ type: "listed", resourceVersion: "5" }, { type: "expired" }, { type: "failed" }, { type: "paused" }]),
    ).toEqual([{ do: "watch", resourceVersion: "5" }, { do: "list" }, { do: "pause", failures: 2 }, { do: "list" }]);
  });

  it("pauses longer and longer while lists succeed and watches are refused", () => {
    const round: readonly WatchInput[] = [{ type: "listed", resourceVersion: "5" }, { type: "expired" }];
    const commands = play([...round, ...round, { type: "paused" }, ...round, { type: "paused" }]);
    expect(commands).toEqual([
      { do: "watch", resourceVersion: "5" },
      { do: "list" },
      { do: "watch", resourceVersion: "5" },
      { do: "pause", failures: 2 },
      { do: "list" },
      { do: "watch", resourceVersion: "5" },
      { do: "pause", failures: 3 },
      { do: "list" },
    ]);
  });

  it("watches from the same version after a failure, and lists when it keeps failing", () => {
    const commands = play([
      { type: "listed", resourceVersion: "5" },
      { type: "failed" },
      { type: "paused" },
      { type: "failed" },
      { type: "paused" },
      { type: "failed" },
      { type: "paused" },
    ]);
    expect(commands.map((command) => command.do)).toEqual([
      "watch",
      "pause",
      "watch",
      "pause",
      "watch",
      "pause",
      "list",
    ]);
  });

  it("pauses between watches that end early", () => {
    const commands = play([
      { type: "listed", resourceVersion: "5" },
      { type: "ended", early: true },
      { type: "paused" },
    ]);
    expect(commands.map((command) => command.do)).toEqual(["watch", "pause", "watch"]);
  });

  it("never asks twice in a row without progress or a pause in between, whatever happens", () => {
    const input: fc.Arbitrary<WatchInput> = fc.constantFrom<WatchInput>(
      { type: "ended", early: true },
      { type: "expired" },
      { type: "failed" },
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
        let [state, command] = INITIAL_WATCH;
        let askedInARow = 0;
        for (const next of inputs) {
          [state, command] = step(state, next);
          askedInARow = command.do === "pause" ? 0 : askedInARow + 1;
          // One repetition is allowed: listing at once after the version expired.
          expect(askedInARow).toBeLessThanOrEqual(1);
          if (command.do === "pause") [state, command] = step(state, { type: "paused" });
        }
      }),
    );
  });
});
