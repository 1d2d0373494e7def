import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeOutcome, encodeOutcome } from "./remote-command-status.ts";

describe("decodeOutcome()", () => {
  it("reads what encodeOutcome() wrote for every exit code", () => {
    for (let code = 1; code <= 255; code++) {
      expect(decodeOutcome(encodeOutcome({ kind: "exit-code", code }))).toEqual({ kind: "exit-code", code });
    }
    expect(decodeOutcome(encodeOutcome({ kind: "success" }))).toEqual({ kind: "success" });
  });

  it("takes an empty stream for success", () => {
    expect(decodeOutcome("")).toEqual({ kind: "success" });
  });

  it.each([
    ["{", "error stream protocol error: "],
    ['{"status":"Odd"}', 'error stream protocol error: unknown status "Odd"'],
    ['{"status":"Failure","reason":"NonZeroExitCode"}', "error stream protocol error: details must be set"],
    [
      '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[]}}',
      "error stream protocol error: no ExitCode cause",
    ],
    [
      '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"256"}]}}',
      'error stream protocol error: invalid exit code value "256"',
    ],
    ['{"status":"Failure","message":"no such container"}', "no such container"],
  ])("reports %s as a failure", (text, message) => {
    const outcome = decodeOutcome(text);
    expect(outcome.kind === "failure" && outcome.message.startsWith(message)).toBe(true);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void decodeOutcome(text)));
  });
});
