import { spawn } from "node:child_process";
import { once } from "node:events";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostJournal, JournalQuery } from "../../ports/host-journal.ts";
import { runProgram } from "./run-program.ts";

/** systemd's journal through journalctl, without a shell. */
export function createJournal(): HostJournal {
  return {
    async knows(service, signal) {
      try {
        const { exitCode, stdout } = await runProgram("journalctl", ["--field", "_SYSTEMD_UNIT"], signal);
        return exitCode === 0 && stdout.includes(`${service}.service`);
      } catch {
        return false;
      }
    },
    async *read(query, signal) {
      const child = spawn("journalctl", journalArguments(query), {
        signal,
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env["PATH"], LC_ALL: "C" },
      });
      const failed = once(child, "error").then(([reason]) => {
        throw new OrlopError("Unsupported", "journalctl can not be run", { cause: reason });
      });
      failed.catch(() => undefined);
      try {
        await Promise.race([once(child, "spawn"), failed]);
        yield* child.stdout;
        yield* child.stderr;
      } finally {
        child.kill();
      }
    },
  };
}

function journalArguments({ services, sinceTime, untilTime, tailLines, boot, pattern }: JournalQuery): string[] {
  return [
    "--utc",
    "--no-pager",
    ...(sinceTime === undefined ? [] : [`--since=${journalTime(sinceTime)}`]),
    ...(untilTime === undefined ? [] : [`--until=${journalTime(untilTime)}`]),
    ...(tailLines === undefined ? [] : ["--pager-end", `--lines=${tailLines}`]),
    ...services.map((service) => `--unit=${service}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`, "--case-sensitive=false"]),
    ...(boot === undefined ? [] : ["--boot", String(boot)]),
    "--output=short-precise",
  ];
}

/** "2026-01-02 03:04:05 UTC": journalctl's own notation. */
function journalTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
