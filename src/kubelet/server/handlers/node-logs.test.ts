import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFiles } from "../../../adapters/files/files.ts";
import type { HostJournal, JournalQuery } from "../../../ports/host-journal.ts";
import type { HttpRequest } from "../../../ports/http.ts";
import { createFakeClock } from "../../../testing/fake-clock.ts";
import { plainRequest } from "../../../testing/plain-request.ts";
import { createNodeLogsHandler } from "./node-logs.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-logs-"));
  await writeFile(join(directory, "agent.log"), "from the file\n");
  await mkdir(join(directory, "nested"));
  await writeFile(join(directory, "nested/nested.log"), "deeper\n");
  await symlink("/etc/passwd", join(directory, "leak.log"));
});
afterEach(() => rm(directory, { recursive: true }));

async function ask(query: string, queries = true, headers: HttpRequest["headers"] = {}, rest = "") {
  const asked: JournalQuery[] = [];
  const journal: HostJournal = {
    knows: async (service) => service === "known",
    async *read(wanted) {
      asked.push(wanted);
      yield new TextEncoder().encode("from the journal\n");
    },
  };
  const handler = createNodeLogsHandler(
    { files: createFiles(), clock: createFakeClock(), journal },
    { directory, queries },
  );
  const answer = await handler(plainRequest(`/logs/${rest}?${query}`, headers), { rest });
  if ("upgraded" in answer) throw new Error("no upgrade was asked for");
  const pieces: Uint8Array[] = [];
  const write = async (chunk: Uint8Array | string): Promise<void> => {
    pieces.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  };
  if (typeof answer.body === "function") await answer.body({ write });
  else if (answer.body !== undefined) await write(answer.body);
  const bytes = Buffer.concat(pieces);
  return { status: answer.status, headers: answer.headers, bytes, body: bytes.toString(), asked };
}

describe("createNodeLogsHandler()", () => {
  it("asks the journal for services it knows, with their options", async () => {
    const { status, body, asked } = await ask("query=known&tailLines=3");
    expect([status, body]).toEqual([200, "from the journal\n"]);
    expect(asked).toEqual([{ services: ["known"], tailLines: 3 }]);
  });

  it("falls back to files named like the service, and says what it did not find", async () => {
    expect((await ask("query=agent&query=nested&query=nobody")).body).toBe(
      "from the file\ndeeper\n\nlog not found for nobody\n",
    );
    expect((await ask("query=agent&tailLines=1")).body).toContain("try without specifying options");
  });

  it("gives files inside the directory only, whatever links and dots say", async () => {
    expect(await ask("query=/agent.log")).toMatchObject({ status: 200, body: "from the file\n" });
    for (const query of [
      "query=/../../etc/passwd",
      "query=/leak.log",
      "query=/nope.log",
      "query=..%5C..%5Cetc%5Cpasswd",
    ]) {
      const { status, body } = await ask(query);
      expect([status, body.includes("root:")], query).toEqual([406, false]);
    }
    expect((await ask("query=leak")).body).toContain("log not found for leak");
  });

  it("compresses what services said for those who accept nothing else", async () => {
    const { headers, bytes } = await ask("query=agent&query=nested", true, { "accept-encoding": "gzip" });
    expect([headers["content-encoding"], gunzipSync(bytes).toString()]).toEqual(["gzip", "from the file\ndeeper\n"]);
    expect((await ask("query=agent", true, { "accept-encoding": "gzip, br" })).body).toBe("from the file\n");
  });

  it.each([
    ["bytes=0-3", 206, "from", "bytes 0-3/14"],
    ["bytes=5-", 206, "the file\n", "bytes 5-13/14"],
    ["bytes=-5", 206, "file\n", "bytes 9-13/14"],
    ["bytes=0-99", 206, "from the file\n", "bytes 0-13/14"],
    ["bytes=14-", 416, "invalid range: failed to overlap\n", "bytes */14"],
    ["bytes=3-1", 200, "from the file\n", undefined],
    ["lines=1-2", 200, "from the file\n", undefined],
  ])("gives the part of a file that %s asks for", async (range, status, body, contentRange) => {
    const answer = await ask("", false, { range }, "agent.log");
    expect([answer.status, answer.body, answer.headers["content-range"]]).toEqual([status, body, contentRange]);
    if (status !== 416) expect(answer.headers["content-length"]).toBe(String(body.length));
  });

  it("takes no notice of parameters while queries are off", async () => {
    expect((await ask("query=known", false)).body).toContain('<a href="agent.log">');
  });
});
