import { describe, expect, it } from "vitest";
import { humanDuration } from "./human-duration.ts";

const HOUR = 3_600_000;

describe("humanDuration()", () => {
  it.each([
    [-2000, "<invalid>"],
    [-1500, "0s"],
    [0, "0s"],
    [119_999, "119s"],
    [120_000, "2m"],
    [185_000, "3m5s"],
    [599_000, "9m59s"],
    [600_000, "10m"],
    [3 * HOUR - 1, "179m"],
    [3 * HOUR, "3h"],
    [3.5 * HOUR, "3h30m"],
    [8 * HOUR, "8h"],
    [47 * HOUR, "47h"],
    [48 * HOUR, "2d"],
    [50 * HOUR, "2d2h"],
    [8 * 24 * HOUR, "8d"],
    [729 * 24 * HOUR, "729d"],
    [730 * 24 * HOUR, "2y"],
    [735 * 24 * HOUR, "2y5d"],
    [9 * 365 * 24 * HOUR, "9y"],
  ])("%d ms is %s", (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });
});
