import type { Duplex } from "node:stream";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import { nextEvent } from "./next-event.ts";

function gone(cause?: unknown): OrlopError {
  return new OrlopError("Unavailable", "The connection was closed by the other side", {
    retry: "never",
    ...(cause !== undefined && { cause }),
  });
}

/**
 * A socket as a ByteConnection. `head` is what was already read from it. Reading never runs ahead of the reader by
 * more than the socket's own buffer. The socket must allow half-open use for `end()` to leave the other direction open.
 */
export function duplexConnection(stream: Duplex, head: Uint8Array): ByteConnection {
  let failure: Error | undefined;
  let draining: Promise<void> | undefined;
  stream.on("error", (error) => {
    failure ??= error;
  });

  async function* read(): AsyncGenerator<Uint8Array> {
    if (head.byteLength > 0) yield head;
    for (;;) {
      const chunk: Uint8Array | null = stream.read();
      if (chunk !== null) yield chunk;
      else if (stream.readableEnded) return;
      else if (failure !== undefined) throw gone(failure);
      else if (stream.destroyed) throw gone();
      else await nextEvent(stream, ["readable", "end", "error", "close"]);
    }
  }

  return {
    readable: read(),
    async write(chunk) {
      if (failure !== undefined || stream.destroyed || stream.writableEnded) throw gone(failure);
      if (chunk.byteLength === 0) return;
      if (stream.write(chunk)) return;
      draining ??= nextEvent(stream, ["drain", "error", "close"]).then(() => {
        draining = undefined;
      });
      await draining;
      if (failure !== undefined || stream.destroyed) throw gone(failure);
    },
    async end() {
      if (stream.destroyed || stream.writableEnded) return;
      await new Promise<void>((resolve) => {
        stream.once("close", () => resolve());
        stream.end(() => resolve());
      });
    },
    destroy(reason) {
      failure ??= reason;
      stream.destroy();
    },
  };
}
