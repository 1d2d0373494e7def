import type { OpenFile } from "../../ports/files.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where the last `lines` lines of a file begin; an unfinished last line counts as one. Reads from the end only. */
export async function tailOffset(file: OpenFile, size: number, lines: number): Promise<number> {
  if (lines <= 0) return size;
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const block = await file.read(start, end - start);
    for (let at = block.length - 1; at >= 0; at--) {
      // The newline that ends the file does not begin another line.
      if (block[at] !== NEWLINE || start + at === size - 1) continue;
      found += 1;
      if (found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}
