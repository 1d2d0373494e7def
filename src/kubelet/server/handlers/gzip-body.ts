import type { BodyWriter } from "../../../ports/http.ts";

/** Compresses what `produce` writes. A reader that is slow, or gone, stops the producer. */
export function gzipBody(produce: (writer: BodyWriter) => Promise<void>): (writer: BodyWriter) => Promise<void> {
  return async (writer) => {
    const gzip = new CompressionStream("gzip");
    const input = gzip.writable.getWriter();
    const carried = (async () => {
      for await (const chunk of gzip.readable) await writer.write(chunk);
    })();
    // A failure is seen where the producer writes next, or at the end.
    carried.catch(() => undefined);
    try {
      await produce({
        async write(chunk) {
          const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
          await Promise.race([input.write(new Uint8Array(bytes)), carried]);
        },
      });
      await Promise.race([input.close(), carried]);
    } catch (reason) {
      await input.abort(reason).catch(() => undefined);
      throw reason;
    }
    await carried;
  };
}
