import type { Readable } from "node:stream";
import { OrlopError } from "../../lib/orlop-error.ts";

export interface BodyLimits {
  readonly limitBytes: number;
  /** The whole body must arrive within this time. */
  readonly timeoutMilliseconds: number;
  /** Content-Length, when the client gave one. */
  readonly declaredBytes: number | undefined;
}

function tooLarge(limitBytes: number): OrlopError {
  return new OrlopError("ResourceExhausted", `The request body is larger than the limit of ${limitBytes} bytes`);
}

/** Reads a body to its end. Stops reading, without destroying the stream, at the first byte over the limit. */
export function readBody(source: Readable, limits: BodyLimits): Promise<Uint8Array> {
  const { limitBytes, declaredBytes, timeoutMilliseconds } = limits;
  if (declaredBytes !== undefined && declaredBytes > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let timer: NodeJS.Timeout | undefined = undefined;
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      source.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      finish();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      source.pause();
      settle(() => reject(tooLarge(limitBytes)));
    };
    const onEnd = (): void =>
      settle(() => {
        const [only] = chunks;
        resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
      });
    const broken = (cause?: unknown): void =>
      settle(() => {
        reject(
          new OrlopError("Cancelled", "The client went away while its request body was being read", {
            ...(cause !== undefined && { cause }),
          }),
        );
      });
    const onError = (cause: unknown): void => broken(cause);
    const onClose = (): void => broken();
    timer = setTimeout(() => {
      source.pause();
      settle(() =>
        reject(
          new OrlopError("Timeout", `The request body did not arrive within ${timeoutMilliseconds / 1000} s`, {
            retry: "never",
          }),
        ),
      );
    }, timeoutMilliseconds);
    if (source.readableEnded) onEnd();
    else if (source.destroyed) onClose();
    else source.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}
