import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readSubIds, type SubIdAnswer } from "./sub-id-facts.ts";

const PATH = process.env["PATH"];
afterEach(() => {
  process.env["PATH"] = PATH;
});

/** Asks on a host that has these programs only. */
async function ask(programs: Readonly<Record<string, string>>): Promise<SubIdAnswer> {
  const folder = await mkdtemp(join(tmpdir(), "orlop-sub-ids-"));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  process.env["PATH"] = folder;
  return readSubIds(new AbortController().signal);
}

const USER = "echo kubelet:x:999:999::/:/bin/false";
const RANGES = 'if [ "$1" = -g ]; then echo "0: kubelet 65536 65536"; else echo "0: kubelet 131072 65536"; fi';

describe("readSubIds()", () => {
  it("finds nothing on a host without a user kubelet", async () => {
    expect(await ask({ getent: "exit 2", getsubids: RANGES })).toEqual({ found: "nothing", because: "no-user" });
  });

  it("finds nothing on a host without getsubids", async () => {
    expect(await ask({ getent: USER })).toEqual({ found: "nothing", because: "no-getsubids" });
  });

  it("does without getent", async () => {
    expect(await ask({})).toEqual({ found: "nothing", because: "no-getsubids" });
    expect(await ask({ getsubids: RANGES })).toMatchObject({ found: "answer" });
    expect(await ask({ getsubids: "exit 1" })).toMatchObject({ found: "failure", of: "uids" });
  });

  it("gives what getsubids says of user and group IDs", async () => {
    expect(await ask({ getent: USER, getsubids: RANGES })).toEqual({
      found: "answer",
      uids: "0: kubelet 131072 65536\n",
      gids: "0: kubelet 65536 65536\n",
    });
  });

  it("does not take a source of names that fails for one that has nothing", async () => {
    expect(await ask({ getent: "exit 1" })).toMatchObject({ found: "failure", of: "uids" });
    expect(await ask({ getent: USER, getsubids: "exit 1" })).toMatchObject({ found: "failure", of: "uids" });
    const groupsFail = 'if [ "$1" = -g ]; then exit 1; fi; echo "0: kubelet 65536 65536"';
    expect(await ask({ getent: USER, getsubids: groupsFail })).toMatchObject({ found: "failure", of: "gids" });
  });
});
