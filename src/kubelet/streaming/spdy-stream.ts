import { OrlopError } from "../../lib/orlop-error.ts";
import { RESET } from "../../core/streams/spdy-frames.ts";
import type { SpdyHeaders } from "../../core/streams/spdy-headers.ts";

export interface SpdyStream {
  readonly id: number;
  /** Those it was opened with. */
  readonly headers: SpdyHeaders;
  /** Bytes from the peer; ends at its half-close, throws after a reset or when the connection is lost. Iterate once. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(data: Uint8Array): Promise<void>;
  /** Half-close. */
  end(): Promise<void>;
  /** Gives the stream up in both directions. */
  reset(): void;
  /** Settles when the peer accepted or refused a stream of ours. */
  readonly accepted: Promise<void>;
}

/** What a stream needs of its connection. */
export interface StreamWire {
  data(stream: number, data: Uint8Array, fin: boolean): Promise<void>;
  reset(stream: number, status: number): void;
  /** Both directions are over. */
  finished(stream: number): void;
}

/** The connection's side of a stream. */
export interface StreamControl {
  readonly stream: SpdyStream;
  /** Data from the peer. Resolves when more may come. */
  receive(data: Uint8Array): Promise<void>;
  /** The peer's half-close. */
  endReading(): void;
  endWriting(): void;
  accept(): void;
  /** Reset by the peer, or the connection is lost. What was received before is still read. */
  fail(reason: Error): void;
}

/** Bytes a stream holds for its reader before the whole connection waits. */
const QUEUE_BYTES = 64 * 1024;
/** Data is cut into frames of this size, so that streams share the connection fairly. */
const FRAME_BYTES = 32 * 1024;
const NOTHING = new Uint8Array(0);

export function createSpdyStream(id: number, headers: SpdyHeaders, wire: StreamWire): StreamControl {
  const queue: Uint8Array[] = [];
  let queued = 0;
  let reading: "open" | "ended" | Error = "open";
  let writing: "open" | "ended" | Error = "open";
  /** Nobody reads any more: what arrives is thrown away. */
  let deaf = false;
  let wakeReader = (): void => undefined;
  let wakeSource = (): void => undefined;
  let settle: { readonly resolve: () => void; readonly reject: (reason: Error) => void } | undefined;
  const accepted = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Who does not care for acceptance sees the failure when reading or writing.
  accepted.catch(() => undefined);

  function isFull(): boolean {
    return queued > QUEUE_BYTES && !deaf && reading === "open";
  }

  function finishedPerhaps(): void {
    if (reading !== "open" && writing !== "open") wire.finished(id);
  }

  function fail(reason: Error): void {
    if (reading === "open") reading = reason;
    if (writing === "open") writing = reason;
    settle?.reject(reason);
    wakeReader();
    wakeSource();
    finishedPerhaps();
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const data = queue.shift();
        if (data !== undefined) {
          queued -= data.byteLength;
          wakeSource();
          yield data;
        } else if (reading === "ended") return;
        else if (reading !== "open") throw reading;
        else {
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
        }
      }
    } finally {
      deaf = true;
      queue.length = 0;
      wakeSource();
    }
  }

  return {
    stream: {
      id,
      headers,
      readable: read(),
      accepted,
      async write(data) {
        for (let offset = 0; offset < data.byteLength; offset += FRAME_BYTES) {
          if (writing === "ended") {
            throw new OrlopError("Unavailable", `SPDY stream ${id} is closed for writing`, { retry: "never" });
          }
          if (writing !== "open") throw writing;
          await wire.data(id, data.subarray(offset, offset + FRAME_BYTES), false);
        }
      },
      async end() {
        if (writing !== "open") return;
        writing = "ended";
        const sent = wire.data(id, NOTHING, true);
        finishedPerhaps();
        await sent;
      },
      reset() {
        if (reading !== "open" && writing !== "open") return;
        wire.reset(id, RESET.cancel);
        fail(new OrlopError("Cancelled", `SPDY stream ${id} was reset by this side`));
      },
    },
    async receive(data) {
      if (reading !== "open" || deaf || data.byteLength === 0) return;
      // A copy: what is queued must not keep the whole chunk it arrived in.
      queue.push(data.slice());
      queued += data.byteLength;
      wakeReader();
      while (isFull()) {
        await new Promise<void>((resolve) => {
          wakeSource = resolve;
        });
      }
    },
    endReading() {
      if (reading === "open") reading = "ended";
      wakeReader();
      finishedPerhaps();
    },
    endWriting() {
      if (writing === "open") writing = "ended";
    },
    accept() {
      settle?.resolve();
    },
    fail,
  };
}
