import type { Duplex } from "node:stream";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import { nextEvent } from "./next-event.ts";

/** How long a connection that said its last word listens on before it is closed. */
const LINGER_MILLISECONDS = 30_000;

function gone(cause?: unknown): OrlopError {
  return new OrlopError("Unavailable", "The connection was closed by the other side", {
    retry: "never",
    ...(cause !== undefined && { cause }),
  });
}

function isWriteFailure(reason: unknown): reason is Error {
  return reason instanceof Error && "syscall" in reason && reason.syscall === "write";
}

/**
 * Keeps a failed write from throwing away what the other side had sent before it went: a command's last output and its
 * exit code. Node destroys a socket at the first failed write, with all that was not read yet.
 */
function keepReadingAfterFailedWrites(stream: Duplex, onFailure: (reason: Error) => void): void {
  const destroy = stream.destroy.bind(stream);
  stream.destroy = (reason) => {
    if (!isWriteFailure(reason) || stream.readableEnded || stream.destroyed) return destroy(reason);
    // Both halves were marked as failed; the readable one is not.
    const state = "_readableState" in stream ? stream._readableState : undefined;
    if (typeof state !== "object" || state === null) return destroy(reason);
    Object.assign(state, { errored: null });
    onFailure(reason);
    stream.read(0);
    return stream;
  };
}

/**
 * A socket as a ByteConnection. `head` is what was already read from it. Reading never runs ahead of the reader by
 * more than the socket's own buffer. The socket must allow half-open use for `end()` to leave the other direction open.
 * `destroy()` after `end()` closes only once the peer has closed too (or 30 s passed): closing a socket that holds
 * unread bytes resets it, and the peer would lose the end of what was sent.
 */
export function duplexConnection(stream: Duplex, head: Uint8Array): ByteConnection {
  let failure: Error | undefined;
  let writeFailure: Error | undefined;
  let draining: Promise<void> | undefined;
  let lingering = false;
  const wake = "orlop:wake";
  stream.on("error", (error) => {
    failure ??= error;
  });
  keepReadingAfterFailedWrites(stream, (reason) => {
    writeFailure = reason;
    stream.emit(wake);
  });

  async function* read(): AsyncGenerator<Uint8Array> {
    if (head.byteLength > 0) yield head;
    for (;;) {
      const chunk: Uint8Array | null = stream.read();
      if (chunk !== null) yield chunk;
      else if (stream.readableEnded) return;
      else if (failure !== undefined) throw gone(failure);
      else if (stream.destroyed) throw gone();
      else await nextEvent(stream, ["readable", "end", "error", "close", wake]);
    }
  }

  function linger(): void {
    if (lingering) return;
    lingering = true;
    const close = (): void => {
      clearTimeout(timer);
      stream.destroy();
    };
    const timer = setTimeout(close, LINGER_MILLISECONDS);
    timer.unref();
    stream.once("end", close).once("error", close).once("close", close);
    // A listener, not only resume(): the stream pauses again when the reader's own listener is taken off a moment later.
    stream.on("data", () => undefined);
    stream.resume();
  }

  return {
    readable: read(),
    async write(chunk) {
      const broken = failure ?? writeFailure;
      if (broken !== undefined || stream.destroyed || stream.writableEnded) throw gone(broken);
      if (chunk.byteLength === 0) return;
      if (stream.write(chunk)) return;
      draining ??= nextEvent(stream, ["drain", "error", "close", wake]).then(() => {
        draining = undefined;
      });
      await draining;
      if (failure !== undefined || writeFailure !== undefined || stream.destroyed) throw gone(failure ?? writeFailure);
    },
    async end() {
      if (stream.destroyed || stream.writableEnded || writeFailure !== undefined) return;
      await new Promise<void>((resolve) => {
        stream.once("close", () => resolve()).once(wake, () => resolve());
        stream.end(() => resolve());
      });
    },
    destroy(reason) {
      if (stream.destroyed) return;
      failure ??= reason;
      const said = stream.writableFinished && writeFailure === undefined;
      if (reason === undefined && said && !stream.readableEnded) linger();
      else stream.destroy();
    },
  };
}
