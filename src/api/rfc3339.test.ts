import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMicroTime, formatTime, parseTime, secondsText } from "./rfc3339.ts";

describe("parseTime()", () => {
  it.each([
    ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000Z"],
    ["2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00.000000Z"],
    ["2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00.123456Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"],
  ])("%s", (text, expected) => {
    const time = parseTime(text);
    expect(time && formatMicroTime(time)).toBe(expected);
  });

  it.each([
    "",
    "2024-01-01",
    "2023-02-29T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01t00:00:00Z",
    "2024-01-01T00:00:00",
  ])("refuses %j", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it("reads back what is written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        const text = secondsText(seconds * 1000 + 999);
        expect(parseTime(text)).toEqual({ seconds, nanoseconds: 0 });
        expect(formatTime({ seconds, nanoseconds: 5 })).toBe(text);
      }),
    );
  });
});
