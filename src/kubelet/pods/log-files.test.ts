import { describe, expect, it } from "vitest";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { RuntimeContainerStatus } from "../../ports/container-runtime.ts";
import type { FileInformation } from "../../ports/files.ts";
import { createFakeClock, settle } from "../../testing/fake-clock.ts";
import { quietLog } from "../../testing/quiet.ts";
import { logLinkName } from "./container-starter.ts";
import { podUidOfLogDirectory } from "./log-paths.ts";
import { type LogRotationOptions, rotateLogs } from "./log-rotation.ts";
import { createTerminationMessages, lastOutput } from "./termination-message.ts";

const PLAIN: Omit<FileInformation, "size"> = {
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  device: 1,
  inode: 1,
  modifiedAt: 0,
};

describe("rotateLogs()", () => {
  async function round(files: Map<string, number>, options: LogRotationOptions, reopen = async () => undefined) {
    const clock = createFakeClock();
    const stop = new AbortController();
    const done = rotateLogs(
      {
        clock,
        log: quietLog(),
        logs: () => [{ containerId: "id", path: "/logs/app/0.log" }],
        containers: { reopenLog: reopen },
        files: {
          async information(path) {
            const size = files.get(path);
            return size === undefined ? undefined : { ...PLAIN, size };
          },
          list: async () => [...files.keys()].map((path) => ({ name: path.slice("/logs/app/".length), kind: "file" })),
          async rename(from, to) {
            files.set(to, files.get(from) ?? 0);
            files.delete(from);
          },
          async remove(path) {
            files.delete(path);
          },
        },
      },
      options,
      stop.signal,
    );
    await settle();
    stop.abort();
    await done;
    return [...files.keys()].sort();
  }

  it("renames a log that is too long and keeps only so many", async () => {
    const files = new Map([
      ["/logs/app/0.log", 100],
      ["/logs/app/0.log.20250101-000000", 1],
      ["/logs/app/0.log.20250102-000000", 1],
      ["/logs/app/0.log.20250103-000000", 1],
      ["/logs/app/1.log.20250101-000000", 1],
    ]);
    expect(await round(files, { maximumBytes: 100, maximumFiles: 3 })).toEqual([
      "/logs/app/0.log.20250103-000000",
      "/logs/app/0.log.20260101-000000",
      "/logs/app/1.log.20250101-000000",
    ]);
  });

  it("leaves short logs alone", async () => {
    expect(await round(new Map([["/logs/app/0.log", 99]]), { maximumBytes: 100 })).toEqual(["/logs/app/0.log"]);
  });

  it("gives the file its name back when the runtime does not open a new one", async () => {
    const files = new Map([["/logs/app/0.log", 100]]);
    const refuse = async (): Promise<undefined> => {
      throw new OrlopError("Unavailable", "away");
    };
    expect(await round(files, { maximumBytes: 100 }, refuse)).toEqual(["/logs/app/0.log"]);
  });
});

describe("createTerminationMessages()", () => {
  const contents = new Map([
    ["/host/end", "goodbye"],
    ["/host/long", "x".repeat(10_000)],
    [
      "/logs/app/0.log",
      "2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:01Z stderr P tw\n2026-01-01T00:00:01Z stderr F o\n",
    ],
  ]);
  const messages = createTerminationMessages({
    files: {
      async open(path) {
        const text = contents.get(path);
        if (text === undefined) throw new OrlopError("NotFound", `${path} does not exist`);
        const bytes = new TextEncoder().encode(text);
        return {
          information: async () => ({ ...PLAIN, size: bytes.length }),
          read: async (offset, length) => bytes.subarray(offset, offset + length),
          close: async () => undefined,
        };
      },
    },
  });
  const status = (hostPath: string, policy: string, exitCode: number): RuntimeContainerStatus => ({
    id: "id",
    sandboxId: "s",
    metadata: { name: "app", attempt: 0 },
    state: "exited",
    image: "",
    imageRef: "",
    imageId: "",
    labels: {},
    annotations: {
      "io.kubernetes.container.terminationMessagePath": "/dev/end",
      "io.kubernetes.container.terminationMessagePolicy": policy,
    },
    createdAt: 0,
    startedAt: 0,
    finishedAt: 0,
    exitCode,
    reason: "",
    message: "",
    logPath: "/logs/app/0.log",
    mounts: [{ containerPath: "/dev/end", hostPath, readOnly: false, seLinuxRelabel: false, propagation: "private" }],
  });
  const SIGNAL = new AbortController().signal;

  it("reads the file, as far as it may be long", async () => {
    expect(await messages.read(status("/host/end", "File", 1), SIGNAL)).toBe("goodbye");
    expect(await messages.read(status("/host/long", "File", 1), SIGNAL)).toHaveLength(4096);
    expect(await messages.read(status("/host/none", "File", 1), SIGNAL)).toBe("");
  });

  it("falls back to the log of what failed, if told to", async () => {
    expect(await messages.read(status("/host/none", "FallbackToLogsOnError", 1), SIGNAL)).toBe("one\ntwo\n");
    expect(await messages.read(status("/host/none", "FallbackToLogsOnError", 0), SIGNAL)).toBe("");
    expect(await messages.read(status("/host/end", "FallbackToLogsOnError", 1), SIGNAL)).toBe("goodbye");
  });

  it("takes the last lines of a log only", () => {
    const lines = Array.from({ length: 200 }, (_, index) => `2026-01-01T00:00:00Z stdout F ${index}\n`).join("");
    expect(lastOutput(`half a line\n${lines}`).split("\n")[0]).toBe("120");
    expect(lastOutput("")).toBe("");
  });
});

describe("names of logs", () => {
  it("tell the pod they belong to", () => {
    expect(podUidOfLogDirectory("team_web_uid-1")).toBe("uid-1");
    expect(podUidOfLogDirectory("something else")).toBeUndefined();
  });
  it("of links stay within what a file name may be", () => {
    expect(logLinkName("web", "team", "app", "id")).toBe("web_team_app-id.log");
    expect(logLinkName("w".repeat(253), "team", "app", "id").length).toBeLessThanOrEqual(255);
  });
});
