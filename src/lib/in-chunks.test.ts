import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inChunks } from "./in-chunks.ts";

describe("inChunks()", () => {
  it("loses nothing, and no chunk but the last is too short", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 5 })), fc.integer({ min: 1, max: 8 }), (texts, length) => {
        const chunks = [...inChunks(texts, length)];
        expect(chunks.join("")).toBe(texts.join(""));
        for (const chunk of chunks.slice(0, -1)) expect(chunk.length).toBeGreaterThanOrEqual(length);
        expect(chunks).not.toContain("");
      }),
    );
  });
});
