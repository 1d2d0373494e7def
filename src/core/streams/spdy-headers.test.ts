import { constants, createDeflate, createInflate } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inflatePiece } from "../../adapters/streams/inflate-piece.ts";
import { spdyDictionary } from "./spdy-dictionary.ts";
import {
  createHeaderCompressor,
  createHeaderDecompressor,
  decodeHeaderBlock,
  encodeHeaderBlock,
  type SpdyHeaders,
} from "./spdy-headers.ts";

const headers: fc.Arbitrary<SpdyHeaders> = fc
  .dictionary(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
    fc.array(fc.stringMatching(/^[ -~]{0,80}$/), { minLength: 1, maxLength: 3 }),
    { maxKeys: 8 },
  )
  .map((record) => new Map(Object.entries(record)));

/** A zlib stream as other implementations write it: with the dictionary, flushed after each block. */
async function deflateBlocks(blocks: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const deflate = createDeflate({ dictionary: spdyDictionary(), level: 9 });
  const pieces: Uint8Array[] = [];
  for (const block of blocks) {
    const parts: Buffer[] = [];
    const collect = (part: Buffer): void => void parts.push(part);
    deflate.on("data", collect);
    await new Promise<void>((resolve) => deflate.write(block, () => deflate.flush(constants.Z_SYNC_FLUSH, resolve)));
    deflate.off("data", collect);
    pieces.push(Buffer.concat(parts));
  }
  deflate.close();
  return pieces;
}

describe("spdyDictionary()", () => {
  it("is the one every peer knows", () => {
    let a = 1;
    let b = 0;
    for (const byte of spdyDictionary()) {
      a = (a + byte) % 65521;
      b = (b + a) % 65521;
    }
    expect([spdyDictionary().byteLength, (b * 65536 + a).toString(16)]).toEqual([1423, "e3c6a7c2"]);
  });
});

describe("header blocks", () => {
  it("come back from a peer's compressed stream, block after block", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(headers, { minLength: 1, maxLength: 6 }), async (all) => {
        const pieces = await deflateBlocks(all.map(encodeHeaderBlock));
        const decompressor = createHeaderDecompressor(inflatePiece);
        expect(pieces.map((piece) => decodeHeaderBlock(decompressor.decompress(piece)))).toEqual(all);
      }),
      { numRuns: 40 },
    );
  });

  it("are read by any zlib when compressed here, each as soon as it arrives", async () => {
    const inflate = createInflate({ dictionary: Buffer.from(spdyDictionary()) });
    const compressor = createHeaderCompressor();
    for (const value of ["stdin", "stdout", "x".repeat(70_000)]) {
      const block = encodeHeaderBlock(new Map([["streamtype", [value]]]));
      const parts: Buffer[] = [];
      const collect = (part: Buffer): void => void parts.push(part);
      inflate.on("data", collect);
      await new Promise<void>((resolve) => inflate.write(compressor.compress(block), () => setImmediate(resolve)));
      inflate.off("data", collect);
      expect(Buffer.concat(parts).equals(block)).toBe(true);
    }
    inflate.close();
  });

  it("are refused when they inflate to more than any peer sends", async () => {
    const [bomb = new Uint8Array(0)] = await deflateBlocks([new Uint8Array(10_000_000)]);
    expect(bomb.byteLength).toBeLessThan(20_000);
    expect(() => createHeaderDecompressor(inflatePiece).decompress(bomb)).toThrow("does not inflate");
  });

  it("are refused when they are no zlib stream", () => {
    expect(() => createHeaderDecompressor(inflatePiece).decompress(Uint8Array.of(1, 2, 3))).toThrow("no zlib header");
  });
});

describe("decodeHeaderBlock()", () => {
  it("returns headers or throws OrlopError for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          decodeHeaderBlock(bytes);
        } catch (reason) {
          expect(reason).toMatchObject({ name: "OrlopError" });
        }
      }),
    );
  });
});
