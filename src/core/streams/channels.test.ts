import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeChannelMessage, encodeChannelMessage } from "./channels.ts";

describe("decodeChannelMessage()", () => {
  it("gives back channel and data", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array(), (channel, data) => {
        expect(decodeChannelMessage(encodeChannelMessage(channel, data))).toEqual({ channel, data });
      }),
    );
  });

  it("takes an empty message for nothing", () => {
    expect(decodeChannelMessage(new Uint8Array(0))).toBeUndefined();
  });
});
