import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameReader, encodeFrame, type SpdyFrame } from "./spdy-frames.ts";

type SentFrame = Exclude<SpdyFrame, { type: "ignored" }>;

const id = fc.integer({ min: 1, max: 0x7fff_ffff });
const number32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 300 });
const frame: fc.Arbitrary<SentFrame> = fc.oneof(
  fc.record({ type: fc.constant("data" as const), stream: id, data: bytes, fin: fc.boolean() }),
  fc.record({
    type: fc.constant("syn-stream" as const),
    stream: id,
    associatedTo: fc.integer({ min: 0, max: 0x7fff_ffff }),
    priority: fc.integer({ min: 0, max: 7 }),
    fin: fc.boolean(),
    unidirectional: fc.boolean(),
    block: bytes,
  }),
  fc.record({ type: fc.constant("syn-reply" as const), stream: id, fin: fc.boolean(), block: bytes }),
  fc.record({ type: fc.constant("headers" as const), stream: id, fin: fc.boolean(), block: bytes }),
  fc.record({ type: fc.constant("rst-stream" as const), stream: id, status: number32 }),
  fc.record({ type: fc.constant("ping" as const), id: number32 }),
  fc.record({ type: fc.constant("goaway" as const), lastStream: id, status: number32 }),
  fc.record({ type: fc.constant("window-update" as const), stream: id, delta: id }),
);

/** Parts of one data frame put together again. */
function joinData(frames: readonly SpdyFrame[]): readonly SpdyFrame[] {
  const joined: SpdyFrame[] = [];
  let open = false;
  for (const next of frames) {
    const last = joined.at(-1);
    if (next.type === "data" && open && last?.type === "data" && last.stream === next.stream && !last.fin) {
      joined[joined.length - 1] = { ...next, data: Uint8Array.from([...last.data, ...next.data]) };
    } else joined.push(next);
    open = next.type === "data";
  }
  return joined;
}

function cut(data: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (let index = 0; offset < data.byteLength; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(data.slice(offset, offset + size));
    offset += size;
  }
  return pieces;
}

describe("createFrameReader()", () => {
  it("gives back what encodeFrame() made, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
        (frames, sizes) => {
          // Two data frames of a stream in a row may come as one; a ping between keeps them apart.
          const apart = frames.flatMap((next): SentFrame[] => [next, { type: "ping", id: 1 }]);
          const wire = Uint8Array.from(apart.flatMap((next) => [...encodeFrame(next)]));
          const reader = createFrameReader();
          const seen = cut(wire, sizes).flatMap((piece) => [...reader.push(piece)]);
          expect(joinData(seen)).toEqual(apart);
        },
      ),
    );
  });

  it("passes data on before its frame is complete, so that a huge frame costs no memory", () => {
    const reader = createFrameReader();
    const head = encodeFrame({ type: "data", stream: 5, data: new Uint8Array(1_000_000), fin: true }).slice(0, 108);
    expect(reader.push(head)).toEqual([{ type: "data", stream: 5, data: new Uint8Array(100), fin: false }]);
  });

  it("refuses another version of the protocol", () => {
    expect(() => createFrameReader().push(Uint8Array.of(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1))).toThrow("version 2");
  });

  it("refuses a control frame over the limit before holding it", () => {
    const reader = createFrameReader({ controlBytes: 100 });
    expect(() => reader.push(Uint8Array.of(0x80, 3, 0, 8, 0, 1, 0, 0))).toThrow("65536 bytes");
  });

  it("survives any bytes: it yields frames or throws OrlopError", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (pieces) => {
        const reader = createFrameReader();
        try {
          for (const piece of pieces) reader.push(piece);
        } catch (reason) {
          expect(reason).toMatchObject({ name: "OrlopError" });
        }
      }),
    );
  });
});
