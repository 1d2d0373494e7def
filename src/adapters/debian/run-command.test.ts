import { describe, expect, it } from "vitest";
import { runCommand } from "./run-command.ts";

describe("runCommand()", () => {
  it("gives both outputs", async () => {
    expect(await runCommand("sh", ["-c", "echo out; echo err >&2"])).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  it("fails with the line that tells why", async () => {
    const script = "echo fine; echo 'E: no such suite' >&2; echo 'E: some files failed' >&2; exit 100";
    await expect(runCommand("sh", ["-c", script])).rejects.toThrow("failed with exit code 100: E: no such suite");
  });

  it("says when a program is not installed", async () => {
    await expect(runCommand("orlop-no-such-program", [])).rejects.toMatchObject({ code: "Unsupported" });
  });

  it("ends the program when interrupted", async () => {
    const interrupted = new AbortController();
    const running = runCommand("sleep", ["1000"], { signal: interrupted.signal });
    interrupted.abort();
    await expect(running).rejects.toMatchObject({ code: "Cancelled" });
  });
});
