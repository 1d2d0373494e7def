import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { positionOf, scanJson } from "./json-scan.ts";

describe("scanJson", () => {
  it("accepts exactly what JSON.parse accepts", () => {
    const text = fc.oneof(
      fc.json(),
      fc.json().chain((json) => fc.nat(json.length).map((at) => json.slice(0, at) + json.slice(at + 1))),
      fc.string({ unit: fc.constantFrom(...'{}[]",:0-1.eE+ \\u\n"ntrufalse') }),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        let parses = true;
        try {
          JSON.parse(candidate);
        } catch {
          parses = false;
        }
        expect(scanJson(candidate).problem === undefined).toBe(parses);
      }),
      { numRuns: 5_000 },
    );
  });

  it("names keys that are given twice by their path", () => {
    const text = '{"spec":{"containers":[{"name":"a"},{"name":"b","name":"c"}]},"a":1,"b":{"a":1},"a":2}';
    expect(scanJson(text).duplicates).toEqual(["spec.containers[1].name", "a"]);
  });

  it("knows escaped keys for the same", () => {
    expect(scanJson('{"\\u0061":1,"a":2}').duplicates).toEqual(["a"]);
  });

  it("says where and why", () => {
    const text = '{"a":\n  }';
    const { problem } = scanJson(text);
    expect(problem?.message).toBe("invalid character '}' looking for beginning of value");
    expect(positionOf(text, problem?.offset ?? 0)).toEqual({ line: 2, column: 3 });
    expect(scanJson('{"a":1').problem?.message).toBe("unexpected end of JSON input");
  });

  it("refuses nesting that would exhaust the stack of whoever walks it", () => {
    expect(scanJson("[".repeat(2_000) + "]".repeat(2_000)).problem?.message).toBe("exceeded max depth");
  });
});
