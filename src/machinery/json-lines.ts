import { OrlopError } from "../lib/orlop-error.ts";

const NEWLINE = 0x0a;

/**
 * The JSON values of a stream with one value a line, wherever the chunks break. Blank lines are skipped; what follows
 * the last newline is dropped, as a stream that broke off leaves half a value there.
 *
 * Throws ResourceExhausted for a line longer than `maximumLineBytes`, Invalid for a line that is not JSON.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  maximumLineBytes: number,
): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (pendingBytes + end - start > maximumLineBytes) throw tooLong(maximumLineBytes);
      const line = join(pending, chunk.subarray(start, end));
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      const text = decoder.decode(line).trim();
      if (text !== "") yield parse(text);
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > maximumLineBytes) throw tooLong(maximumLineBytes);
    }
  }
}

/** All of a body. Throws ResourceExhausted when it is longer than `maximumBytes`. */
export async function readAll(chunks: AsyncIterable<Uint8Array>, maximumBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > maximumBytes) {
      throw new OrlopError("ResourceExhausted", `The answer is longer than ${maximumBytes} bytes`);
    }
    parts.push(chunk);
  }
  return join(parts, new Uint8Array());
}

function join(parts: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  if (parts.length === 0) return last;
  const only = parts[0];
  if (parts.length === 1 && last.length === 0 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, last.length));
  let at = 0;
  for (const part of [...parts, last]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OrlopError("Invalid", `A line of a watch is not JSON: ${text.slice(0, 80)}`, { cause });
  }
}

function tooLong(maximum: number): OrlopError {
  return new OrlopError("ResourceExhausted", `A line of a watch is longer than ${maximum} bytes`);
}
