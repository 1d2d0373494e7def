import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFiles } from "../../adapters/files/files.ts";
import { createSystemClock } from "../../adapters/system/clock.ts";
import { parseLogEntry } from "./log-entry.ts";
import { type LogOptions, parseLogOptions } from "./log-options.ts";
import { createLineCutter, createLogText } from "./log-text.ts";
import { decideLogSource } from "./log-source.ts";
import { openLog } from "./read-log.ts";

const T = "2026-01-01T00:00:0";
const entry = (second: number, text: string, tag = "F", stream = "stdout"): string =>
  `${T}${second}.123456789Z ${stream} ${tag} ${text}\n`;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const ALL: LogOptions = { follow: false, previous: false, timestamps: false, stream: "All" };

describe("parseLogEntry()", () => {
  it("reads time, stream, tag and message", () => {
    expect(parseLogEntry(encode(`${T}1.5Z stderr P:x hello  world `))).toEqual({
      timestamp: `${T}1.5Z`,
      stream: "stderr",
      complete: false,
      message: encode("hello  world "),
    });
    expect(decode(parseLogEntry(encode(`${T}1Z stdout F `))?.message ?? encode("?"))).toBe("");
    expect(decode(parseLogEntry(encode(`${T}1Z stdout F`))?.message ?? encode("?"))).toBe("");
  });

  it.each(["", "x", "2026 stdout F a", `${T}1Z stdlog F a`, "garbage stdout F a"])("refuses %j", (line) => {
    expect(parseLogEntry(encode(line))).toBeUndefined();
  });
});

describe("parseLogOptions()", () => {
  const context = { now: 1_000_000, splitStreams: false };
  const parse = (query: string, splitStreams = false) =>
    parseLogOptions(new URLSearchParams(query), { ...context, splitStreams });

  it("reads what kubectl sends", () => {
    expect(parse("follow=true&timestamps=1&tailLines=3&limitBytes=10&sinceSeconds=60&previous=false")).toEqual({
      ok: true,
      value: {
        follow: true,
        timestamps: true,
        previous: false,
        tailLines: 3,
        limitBytes: 10,
        since: 940_000,
        stream: "All",
      },
    });
    expect(parse("sinceTime=2026-01-01T00:00:00Z")).toMatchObject({ value: { since: Date.UTC(2026, 0, 1) } });
    expect(parse("tailLines=3&tail=all")).toMatchObject({ value: expect.not.objectContaining({ tailLines: 3 }) });
    expect(parse("tailLines=3&tail=5")).toMatchObject({ value: { tailLines: 5 } });
  });

  it.each([
    ["tailLines=x", "undecodable"],
    ["sinceTime=yesterday", "undecodable"],
    ["tailLines=-1", "invalid"],
    ["limitBytes=0", "invalid"],
    ["sinceSeconds=0", "invalid"],
    ["sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z", "invalid"],
    ["stream=both", "invalid"],
    ["stream=Stdout&tailLines=1", "invalid"],
    ["stream=Stdout", "stream-not-enabled"],
  ])("tells why %s is refused: %s", (query, problem) => {
    expect(parse(query)).toMatchObject({ ok: false, reason: { problem } });
  });

  it("selects a stream with the gate on", () => {
    expect(parse("stream=Stderr", true)).toMatchObject({ value: { stream: "Stderr" } });
  });
});

describe("createLineCutter()", () => {
  it("gives the same lines however the bytes arrive", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 20 }).map((text) => text.replaceAll("\n", " "))),
        fc.array(fc.integer({ min: 1, max: 7 })),
        (lines, cuts) => {
          const bytes = encode(lines.map((line) => `${line}\n`).join(""));
          const cutter = createLineCutter(1_000);
          const found: string[] = [];
          let at = 0;
          for (let turn = 0; at < bytes.length; turn++) {
            const size = cuts.length === 0 ? bytes.length : (cuts[turn % cuts.length] ?? 1);
            for (const line of cutter.push(bytes.subarray(at, at + size))) found.push(decode(line));
            at += size;
          }
          expect(found).toEqual(lines);
          expect(cutter.rest().length).toBe(0);
        },
      ),
    );
  });

  it("does not keep an endless line", () => {
    const cutter = createLineCutter(10);
    for (let turn = 0; turn < 100; turn++) cutter.push(encode("xxxxx"));
    expect(cutter.rest().length).toBeLessThanOrEqual(10);
  });
});

describe("createLogText()", () => {
  const lines = (text: ReturnType<typeof createLogText>, ...raw: readonly string[]) =>
    raw.map((line) => decode(text.line(encode(line.slice(0, -1))))).join("");

  it("joins lines the runtime cut and shows their time once, per stream", () => {
    const text = createLogText({ ...ALL, timestamps: true });
    const shown = lines(text, entry(1, "one ", "P"), entry(2, "err", "F", "stderr"), entry(3, "two"));
    expect(shown).toBe(`${T}1.123456789Z one ${T}2.123456789Z err\ntwo\n`);
  });

  it("leaves out what is too old and stops at the limit", () => {
    expect(lines(createLogText({ ...ALL, since: Date.parse(`${T}2Z`) }), entry(1, "old"), entry(2, "new"))).toBe(
      "new\n",
    );
    const limited = createLogText({ ...ALL, limitBytes: 6 });
    expect(lines(limited, entry(1, "abcd"), entry(2, "efgh"))).toBe("abcd\ne");
    expect(limited.done).toBe(true);
  });

  it("shows one stream when asked to", () => {
    expect(lines(createLogText({ ...ALL, stream: "Stderr" }), entry(1, "a"), entry(1, "b", "F", "stderr"))).toBe("b\n");
  });
});

describe("decideLogSource()", () => {
  const container = {
    name: "c",
    kind: "container",
    id: "i1",
    running: true,
    attempt: 1,
    tty: false,
    stdin: false,
    logPath: "/l/1.log",
  } as const;
  const previous = { id: "i0", attempt: 0, logPath: "/l/0.log" };
  const decide = (known: Parameters<typeof decideLogSource>[0]["look"], wantsPrevious = false) =>
    decideLogSource({ pod: "p", container: "c", previous: wantsPrevious, look: known });

  it("takes the current attempt, or the one before", () => {
    expect(decide(() => ({ ...container, previous }))).toMatchObject({ value: { path: "/l/1.log" } });
    expect(decide(() => ({ ...container, previous }), true)).toMatchObject({ value: { path: "/l/0.log" } });
    expect(decide(() => ({ ...container, id: "", logPath: "", previous }))).toMatchObject({
      value: { path: "/l/0.log" },
    });
  });

  it("is live as long as that very attempt runs", () => {
    let known = { ...container, id: "i1" as string, running: true as boolean };
    const source = decide(() => known);
    expect(source.ok && source.value.live()).toBe(true);
    known = { ...known, id: "i2" };
    expect(source.ok && source.value.live()).toBe(false);
  });

  it("says what the container waits for", () => {
    const waiting = (reason: string) => ({
      ...container,
      id: "",
      logPath: "",
      status: { name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state: { waiting: { reason } } },
    });
    expect(decide(() => undefined)).toEqual({ ok: false, reason: 'container "c" in pod "p" is not available' });
    expect(decide(() => waiting("ErrImagePull"))).toMatchObject({
      reason: 'container "c" in pod "p" is waiting to start: image can\'t be pulled',
    });
    expect(decide(() => waiting("ContainerCreating"))).toMatchObject({
      reason: 'container "c" in pod "p" is waiting to start: ContainerCreating',
    });
    expect(decide(() => container, true)).toMatchObject({
      reason: 'previous terminated container "c" in pod "p" not found',
    });
  });
});

describe("openLog()", () => {
  let folder = "";
  let path = "";
  const deps = { files: createFiles(), clock: createSystemClock() };
  const { signal } = new AbortController();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-log-"));
    path = join(folder, "0.log");
  });
  afterEach(() => rm(folder, { recursive: true }));

  const read = async (options: Partial<LogOptions>, live: () => boolean = () => false): Promise<string> => {
    const log = await openLog(deps, { path, live }, { ...ALL, ...options });
    let text = "";
    await log.writeTo(
      { write: async (chunk) => void (text += typeof chunk === "string" ? chunk : decode(chunk)) },
      signal,
    );
    await log.close();
    return text;
  };

  it("shows the last lines, also of a large file and one that ends in the middle of a line", async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => entry(1, `line ${index}`)).join("");
    await writeFile(path, many);
    expect(await read({ tailLines: 2 })).toBe("line 19998\nline 19999\n");
    expect(await read({ tailLines: 0 })).toBe("");
    expect((await read({ tailLines: 15_000 })).split("\n")).toHaveLength(15_001);
    expect((await read({})).split("\n")).toHaveLength(20_001);
    await writeFile(path, `${entry(1, "a")}${entry(2, "b").slice(0, -1)}`);
    expect(await read({ tailLines: 1 })).toBe("b\n");
  });

  it("fails when there is no file", async () => {
    await expect(read({})).rejects.toMatchObject({ code: "NotFound" });
  });

  it("follows through rotation until the container ends", async () => {
    await writeFile(path, entry(1, "one"));
    let running = true;
    let text = "";
    let seen = (): void => undefined;
    const until = (needle: string): Promise<void> =>
      new Promise((resolve) => {
        seen = () => (text.includes(needle) ? resolve() : undefined);
        seen();
      });
    const log = await openLog(deps, { path, live: () => running }, { ...ALL, follow: true });
    const writing = log.writeTo(
      {
        write: async (chunk) => {
          text += typeof chunk === "string" ? chunk : decode(chunk);
          seen();
        },
      },
      signal,
    );
    await until("one");
    await appendFile(path, entry(2, "two"));
    await until("two");
    await rename(path, `${path}.20260101`);
    await appendFile(`${path}.20260101`, entry(3, "late"));
    await writeFile(path, entry(4, "three"));
    await until("three");
    await truncate(path);
    await appendFile(path, entry(5, "four"));
    await until("four");
    await appendFile(path, entry(6, "five"));
    running = false;
    await writing;
    await log.close();
    expect(text).toBe("one\ntwo\nlate\nthree\nfour\nfive\n");
  });
});
