import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LogCounts, readAuditLog } from "./read-audit-log.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "audit-log-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const other = JSON.stringify({ resource: "pods" });
const wanted = (number: number): string => JSON.stringify({ resource: "nodes", number });

async function read(
  path: string,
  stdin: Readable = new PassThrough(),
): Promise<LogCounts & { readonly events: unknown[] }> {
  const events: unknown[] = [];
  const counts = await readAuditLog({
    path,
    stdin,
    signal: new AbortController().signal,
    needles: ['"nodes"'],
    onEvent: (event) => events.push(event),
    maximumLineBytes: 1000,
  });
  return { ...counts, events };
}

async function fileWith(content: Buffer | string): Promise<string> {
  const path = join(directory, "audit.log");
  await writeFile(path, content);
  return path;
}

describe("readAuditLog()", () => {
  it("hands over what matters and counts cut lines at both ends", async () => {
    const text = `"tail of a line"}\n${other}\n${wanted(1)}\n${other}\n${wanted(2)}\n${wanted(3).slice(0, 10)}`;
    const found = await read(await fileWith(text));
    expect(found.events).toEqual([
      { resource: "nodes", number: 1 },
      { resource: "nodes", number: 2 },
    ]);
    expect(found).toMatchObject({ lines: 6, unreadable: 2, tooLong: 0 });
  });

  it("reads the last line without its newline, and gzip by content", async () => {
    const text = `${other}\n${wanted(1)}`;
    expect((await read(await fileWith(text))).events).toHaveLength(1);
    expect(await read(await fileWith(gzipSync(text)))).toMatchObject({
      lines: 2,
      unreadable: 0,
      events: [{ number: 1 }],
    });
  });

  it("keeps what came before a gzip file ends too early", async () => {
    const packed = gzipSync(`${wanted(1)}\n`.repeat(5000) + other.repeat(3000));
    const found = await read(await fileWith(packed.subarray(0, packed.length - 12)));
    expect(found.events.length).toBe(5000);
    expect(found.unreadable + found.tooLong).toBeGreaterThan(0);
  });

  it("gives the same whatever pieces the text comes in", async () => {
    const text = [other, wanted(1), "", wanted(2), `{"resource": "nodes", broken}`, wanted(3), ""].join("\n");
    const whole = await read(await fileWith(text));
    for (const size of [1, 2, 7, 64]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        Buffer.from(text.slice(index * size, (index + 1) * size)),
      );
      expect(await read("-", Readable.from(pieces)), `pieces of ${size}`).toEqual(whole);
    }
    expect(whole).toMatchObject({ lines: 5, unreadable: 1 });
  });

  it("passes over a line longer than the limit and goes on after it", async () => {
    const text = `${wanted(1)}\n${JSON.stringify({ resource: "nodes", padding: "x".repeat(5000) })}\n${wanted(2)}\n`;
    const pieces = Array.from({ length: Math.ceil(text.length / 100) }, (_, index) =>
      Buffer.from(text.slice(index * 100, (index + 1) * 100)),
    );
    expect(await read("-", Readable.from(pieces))).toMatchObject({
      tooLong: 1,
      events: [{ number: 1 }, { number: 2 }],
    });
  });
});
