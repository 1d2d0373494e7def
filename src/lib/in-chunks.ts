/** Joins texts into longer ones of at least `length` characters; only the last may be shorter. Nothing yields nothing. */
export function* inChunks(texts: Iterable<string>, length: number): Generator<string> {
  let chunk = "";
  for (const text of texts) {
    chunk += text;
    if (chunk.length < length) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}
