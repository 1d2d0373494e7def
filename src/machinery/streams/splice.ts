import type { ByteConnection } from "../../ports/bytes.ts";

async function copy(from: ByteConnection, to: ByteConnection): Promise<void> {
  for await (const chunk of from.readable) await to.write(chunk);
}

/**
 * Joins two connections until one of them ends, then closes both; what was read by then is delivered. Holds one chunk
 * in each direction: a side that does not read stops the other. Never rejects; aborting cuts both.
 */
export async function splice(one: ByteConnection, other: ByteConnection, signal: AbortSignal): Promise<void> {
  const cut = (): void => {
    one.destroy();
    other.destroy();
  };
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  const finish = async (from: ByteConnection, to: ByteConnection): Promise<void> => {
    try {
      await copy(from, to);
      await to.end();
    } catch {
      // Either side is gone; the other has nothing more to say to it.
    }
  };
  try {
    await Promise.race([finish(one, other), finish(other, one)]);
  } finally {
    signal.removeEventListener("abort", cut);
    cut();
  }
}
