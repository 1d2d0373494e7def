import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog } from "../../testing/quiet.ts";
import { openRotatingLog } from "./rotating-log.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-records-"));
});
afterEach(() => rm(directory, { recursive: true }));
const deps = { clock: createFakeClock(), log: quietLog() };

describe("openRotatingLog()", () => {
  it("keeps lines in order, for the owner only, over rotation and a new start", async () => {
    const path = join(directory, "logs/audit.log");
    const log = await openRotatingLog(deps, { path, maximumBytes: 100, backups: 50 });
    for (let n = 0; n < 40; n++) expect(log.append(`{"n":${n}}`)).toBe(true);
    await log.close();
    const again = await openRotatingLog(deps, { path, maximumBytes: 100, backups: 50 });
    again.append(`{"n":40}`);
    await again.close();

    const files = (await readdir(join(directory, "logs"))).sort();
    const texts: string[] = [];
    for (const name of [...files.filter((file) => file !== "audit.log"), "audit.log"]) {
      const file = join(directory, "logs", name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const text = await readFile(file, "utf8");
      expect(text.length).toBeLessThanOrEqual(100);
      texts.push(text);
    }
    const numbers = texts
      .join("")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 41 }, (_, n) => n));
  });

  it("keeps only so many rotated files", async () => {
    const path = join(directory, "audit.log");
    const log = await openRotatingLog(deps, { path, maximumBytes: 20, backups: 2 });
    for (let n = 0; n < 20; n++) log.append(`line number ${n}`);
    await log.close();
    const files = await readdir(directory);
    expect(files).toHaveLength(3);
    expect(await readFile(path, "utf8")).toBe("line number 19\n");
  });

  it("drops what the disk can not take, and says so", async () => {
    const log = await openRotatingLog(deps, {
      path: join(directory, "audit.log"),
      maximumBytes: 1_000,
      backups: 1,
      pendingBytes: 30,
    });
    expect(["a".repeat(20), "b".repeat(20)].map((line) => log.append(line))).toEqual([true, false]);
    await log.flush();
    expect(log.append("c".repeat(20))).toBe(true);
    await log.close();
    expect(log.append("late")).toBe(false);
    expect(await readFile(join(directory, "audit.log"), "utf8")).toBe(`${"a".repeat(20)}\n${"c".repeat(20)}\n`);
  });

  it("does not follow a link somebody put in its place", async () => {
    await writeFile(join(directory, "victim"), "");
    await symlink("victim", join(directory, "audit.log"));
    const options = { path: join(directory, "audit.log"), maximumBytes: 1_000, backups: 1 };
    await expect(openRotatingLog(deps, options)).rejects.toThrow(/Cannot write .*audit\.log/);
  });
});
