import { describe, expect, it } from "vitest";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";

describe("parseGoDuration()", () => {
  it.each([
    ["0", 0],
    ["2m0s", 120_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["100ms", 100],
    ["-3s", -3_000],
  ])("reads %s", (text, milliseconds) => {
    expect(parseGoDuration(text)).toBe(milliseconds);
  });

  it.each(["", "5", "1d", "s", "1s ", "--1s"])("refuses %j", (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });
});

describe("formatGoDuration()", () => {
  it.each([
    [0, "0s"],
    [120_000, "2m0s"],
    [14_400_000, "4h0m0s"],
    [1_500, "1.5s"],
    [100, "100ms"],
    [3_600_000.0008, "1h0m0.0000008s"],
  ])("writes %d ms", (milliseconds, text) => {
    expect(formatGoDuration(milliseconds)).toBe(text);
    expect(parseGoDuration(text)).toBe(milliseconds);
  });
});
