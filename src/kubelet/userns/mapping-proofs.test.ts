import { describe, expect, it } from "vitest";
import { createMappingProofs, UnprotectedPod } from "./mapping-proofs.ts";

const SIGNAL = new AbortController().signal;
const RANGE = { firstId: 131072, length: 65536 };
const OWN = "0 131072 65536\n";
const HOST = "0 0 4294967295\n";

function proofs(files: Record<string, string>) {
  const read: string[] = [];
  return {
    read,
    ...createMappingProofs({
      rangeOf: (uid) => (uid === "pod" ? RANGE : undefined),
      readText: async (path) => {
        read.push(path);
        const text = files[path];
        if (text === undefined) throw new Error("no such process");
        return text;
      },
    }),
  };
}
const target = (...pids: (number | undefined)[]) => ({
  what: 'container "app"',
  id: "c1",
  process: async () => (pids.length > 1 ? pids.shift() : pids[0]),
});

describe("createMappingProofs()", () => {
  it("looks at what runs once, and again for another pod's life", async () => {
    const { prove, forget, read } = proofs({ "/proc/7/uid_map": OWN, "/proc/7/gid_map": OWN });
    await prove("pod", [target(7)], SIGNAL);
    await prove("pod", [target(7)], SIGNAL);
    expect(read).toEqual(["/proc/7/uid_map", "/proc/7/gid_map"]);
    forget("pod");
    await prove("pod", [target(7)], SIGNAL);
    expect(read).toHaveLength(4);
  });

  it("says what runs unprotected and why", async () => {
    const { prove } = proofs({ "/proc/7/uid_map": HOST, "/proc/7/gid_map": HOST });
    const failure = await prove("pod", [target(7)], SIGNAL).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(UnprotectedPod);
    expect(String(failure)).toContain(
      `container "app" does not run in the pod's user namespace: its user IDs are the host's own instead of "0 131072 65536"; the container runtime did not do what it was asked for`,
    );
    const other = proofs({ "/proc/7/uid_map": "0 196608 65536\n", "/proc/7/gid_map": OWN });
    await expect(other.prove("pod", [target(7)], SIGNAL)).rejects.toThrow(
      `its user IDs are "0 196608 65536" instead of "0 131072 65536"; the container runtime gave it others, or the pod's mapping file was changed`,
    );
  });

  it("concludes nothing from processes that are gone, or were replaced while it looked", async () => {
    const { prove } = proofs({ "/proc/7/uid_map": HOST, "/proc/7/gid_map": HOST });
    await prove("pod", [target(undefined)], SIGNAL);
    await prove("pod", [target(8)], SIGNAL);
    await prove("pod", [target(7, undefined)], SIGNAL);
    await prove("other", [target(7)], SIGNAL);
  });
});
