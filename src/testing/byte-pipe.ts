import type { ByteConnection } from "../ports/bytes.ts";

interface Half {
  readonly readable: AsyncIterable<Uint8Array>;
  write(chunk: Uint8Array): Promise<void>;
  end(): void;
  fail(reason: Error): void;
  readonly buffered: number;
}

/** One direction; `write` waits while more than `limit` bytes are unread. */
function half(limit: number): Half {
  const chunks: Uint8Array[] = [];
  let buffered = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void)[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
  const stir = (): void => {
    const waking = wake;
    wake = [];
    for (const resolve of waking) resolve();
  };
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        buffered -= chunk.byteLength;
        stir();
        yield chunk;
      } else if (failure !== undefined) throw failure;
      else if (ended) return;
      else await turn();
    }
  }
  const isFull = (): boolean => buffered > limit && failure === undefined;
  return {
    readable: read(),
    get buffered() {
      return buffered;
    },
    async write(chunk) {
      if (failure !== undefined) throw failure;
      if (ended) throw new Error("write after end");
      chunks.push(chunk);
      buffered += chunk.byteLength;
      stir();
      while (isFull()) await turn();
      if (failure !== undefined) throw failure;
    },
    end() {
      ended = true;
      stir();
    },
    fail(reason) {
      failure ??= reason;
      chunks.length = 0;
      stir();
    },
  };
}

export interface PipeEnd extends ByteConnection {
  /** Bytes written here that the other end has not read. */
  readonly unread: number;
}

/** Two connected ends in memory, each direction holding at most about `limit` bytes. */
export function createBytePipe(limit = 64 * 1024): readonly [PipeEnd, PipeEnd] {
  const there = half(limit);
  const back = half(limit);
  const end = (out: Half, into: Half): PipeEnd => ({
    readable: into.readable,
    write: (chunk) => out.write(chunk),
    get unread() {
      return out.buffered;
    },
    async end() {
      out.end();
    },
    destroy(reason = new Error("connection destroyed")) {
      out.fail(reason);
      into.fail(reason);
    },
  });
  return [end(there, back), end(back, there)];
}
