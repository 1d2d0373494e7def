import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";

/** "ended": `from` has nothing more to give. "deaf": `to` takes nothing more, but may still have something to say. */
async function carry(
  from: ByteConnection,
  to: ByteConnection,
  onActivity: (() => void) | undefined,
): Promise<"ended" | "deaf"> {
  try {
    for await (const chunk of from.readable) {
      onActivity?.();
      try {
        await to.write(chunk);
      } catch {
        return "deaf";
      }
    }
    await to.end();
  } catch {
    // `from` broke off: that is its end.
  }
  return "ended";
}

/**
 * Joins two connections until one of them has nothing more to give, then closes both; what it gave is delivered. Holds
 * one chunk in each direction: a side that does not read stops the other. Never rejects; aborting cuts both.
 *
 * @param onActivity called for each chunk in either direction
 */
export async function splice(
  one: ByteConnection,
  other: ByteConnection,
  signal: AbortSignal,
  onActivity?: () => void,
): Promise<void> {
  const cut = (): void => {
    const reason = new OrlopError("Cancelled", "The connection was cut");
    one.destroy(reason);
    other.destroy(reason);
  };
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  const there = carry(one, other, onActivity);
  const back = carry(other, one, onActivity);
  try {
    // A side that refuses bytes may be a command that ended; its last words are still on the way.
    const first = await Promise.race([there, back]);
    if (first === "deaf") await Promise.any([endOf(there), endOf(back), Promise.all([there, back])]);
  } finally {
    signal.removeEventListener("abort", cut);
    one.destroy();
    other.destroy();
  }
}

/** Settles only when the direction ended; a deaf one leaves the decision to the other. */
async function endOf(direction: Promise<"ended" | "deaf">): Promise<void> {
  if ((await direction) === "deaf") throw new OrlopError("Unavailable", "The other side takes no more");
}
