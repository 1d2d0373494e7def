import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEnvelope, writeEnvelope } from "./envelope.ts";

const MAGIC = [0x6b, 0x38, 0x73, 0];

describe("readEnvelope()", () => {
  it("opens what writeEnvelope() closed", () => {
    const envelope = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", raw: Uint8Array.of(1, 2, 3) };
    expect(readEnvelope(writeEnvelope(envelope))).toEqual({ ok: true, value: envelope });
  });

  it("takes an envelope without type and content", () => {
    const bytes = Uint8Array.from([...MAGIC, 0x22, 0]);
    expect(readEnvelope(bytes)).toEqual({ ok: true, value: { apiVersion: "", kind: "", raw: new Uint8Array() } });
  });

  it.each([
    ["nothing", [], "empty data"],
    ["JSON", [0x7b, 0x7d], "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"],
    ["the prefix alone", MAGIC, "empty body"],
    ["a length past the end", [...MAGIC, 0x12, 5, 0], "unexpected EOF"],
    ["type information past its end", [...MAGIC, 0x0a, 2, 0x0a, 9, 65, 65], "unexpected EOF"],
    ["a number as content", [...MAGIC, 0x10, 1], "proto: wrong wireType = 0 for field raw"],
    ["field number 0", [...MAGIC, 0x02, 0], "proto: illegal tag: field no 0 wire type 2"],
  ])("says why %s is none", (_what, bytes, reason) => {
    expect(readEnvelope(Uint8Array.from(bytes))).toEqual({ ok: false, reason });
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        const result = readEnvelope(Uint8Array.from([...MAGIC, ...tail]));
        expect(typeof result.ok).toBe("boolean");
      }),
      { numRuns: 2_000 },
    );
  });
});
