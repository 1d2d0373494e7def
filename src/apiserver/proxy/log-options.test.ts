import { describe, expect, it } from "vitest";
import { logParameters, parseLogOptions, validateLogOptions } from "./log-options.ts";

const problems = (query: string, split = false): readonly string[] =>
  validateLogOptions(parseLogOptions(new URLSearchParams(query), split), split).map(
    ({ field, message }) => `${field}: ${message}`,
  );

describe("parseLogOptions()", () => {
  it("passes everything the kubelet knows on to it, and nothing else", () => {
    const query = new URLSearchParams(
      "container=c&follow=true&previous=&timestamps=1&sinceSeconds=5&tailLines=0&limitBytes=9&insecureSkipTLSVerifyBackend=true&pretty=true",
    );
    const options = parseLogOptions(query, false);
    expect(options.skipVerification).toBe(true);
    expect(logParameters(options).toString()).toBe(
      "follow=true&limitBytes=9&previous=true&sinceSeconds=5&tailLines=0&timestamps=true",
    );
  });

  it("reads times with any offset, to the second", () => {
    const options = parseLogOptions(new URLSearchParams("sinceTime=2026-01-02T03:04:05.678%2B01:00"), false);
    expect(options.sinceTime).toBe("2026-01-02T02:04:05Z");
  });

  it.each([
    ["tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["limitBytes=99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
    ["sinceTime=yesterday", "parsing time"],
  ])("refuses %s", (query, text) => {
    expect(() => parseLogOptions(new URLSearchParams(query), false)).toThrow(text);
  });
});

describe("validateLogOptions()", () => {
  it.each([
    ["tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"],
    ["limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"],
    ["sinceSeconds=0", "sinceSeconds: Invalid value: 0: must be greater than 0"],
    [
      "sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z",
      "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
    ],
    ["stream=Stdout", "stream: Forbidden: may not be specified"],
  ])("says what is wrong with %s", (query, text) => {
    expect(problems(query)).toEqual([text]);
  });

  it("knows the streams when they can be asked for", () => {
    expect(problems("", true)).toEqual([]);
    expect(problems("stream=Stdout", true)).toEqual([]);
    expect(problems("stream=Stdout&tailLines=1", true)).toHaveLength(1);
    expect(problems("stream=Other", true)[0]).toContain("Unsupported value");
  });
});
