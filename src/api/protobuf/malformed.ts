import type { Result } from "../../lib/result.ts";
import { failed, ok } from "../../lib/result.ts";

/** The bytes are not what the message says. Never leaves this folder: see `reading`. */
export class MalformedProtobuf extends Error {
  override readonly name = "MalformedProtobuf";
}

/** What `read` returns, or why the bytes could not be read, in the decoder's words people know. */
export function reading<T>(read: () => T): Result<T> {
  try {
    return ok(read());
  } catch (reason) {
    if (reason instanceof MalformedProtobuf) return failed(reason.message);
    if (!(reason instanceof Error)) throw reason;
    // The wire format library has no error classes of its own.
    if (reason instanceof RangeError && reason.message === "premature EOF") return failed("unexpected EOF");
    if (reason.constructor === Error) return failed(`proto: ${reason.message}`);
    throw reason;
  }
}
