import { describe, expect, it } from "vitest";
import { createMemoryRuntime } from "../adapters/memory/runtime.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createPodProcesses, parseIdMap, type PodProcessesDeps } from "./pod-processes.ts";

const SIGNAL = new AbortController().signal;
const OWN = "         0     131072      65536\n";

interface World {
  readonly ready?: boolean;
  readonly running?: boolean;
  readonly pid?: number;
  readonly map?: string;
  readonly away?: boolean;
}

/** A runtime that knows one sandbox, and maybe a container in it. */
function processes({ ready, running = false, pid, map, away = false }: World) {
  const clock = createFakeClock();
  const { sandboxes, containers } = createMemoryRuntime({ clock }, {});
  const withPid = pid === undefined ? {} : { pid };
  const list = async <T>(entries: readonly T[]): Promise<readonly T[]> => {
    if (away) throw new Error("the runtime is away");
    return entries;
  };
  const deps = {
    cgroups: {} as PodProcessesDeps["cgroups"],
    sandboxes: {
      ...sandboxes,
      list: () => list(ready === undefined ? [] : [{ id: "s", ready }]),
      status: async () => ({ id: "s", ...withPid }),
    },
    containers: {
      ...containers,
      list: () => list([{ id: "c", state: running ? "running" : "exited" }]),
      status: async () => ({ id: "c", ...withPid }),
    },
    files: {
      read: async () => {
        if (map === undefined) throw new Error("no such process");
        return new TextEncoder().encode(map);
      },
    },
  } as unknown as PodProcessesDeps;
  return createPodProcesses(deps, { cgroupRoot: "/", driver: async () => "cgroupfs" });
}

describe("liveRange()", () => {
  it.each<[string, World, unknown]>([
    ["the runtime knows nothing", {}, "none"],
    ["all has ended", { ready: false }, "none"],
    ["the sandbox runs", { ready: true, pid: 7, map: OWN }, { firstId: 131072, length: 65536 }],
    ["only a container runs", { ready: false, running: true, pid: 7, map: OWN }, { firstId: 131072, length: 65536 }],
    ["the runtime does not tell the process", { ready: true }, "unknown"],
    ["the process is gone", { ready: true, pid: 7 }, "unknown"],
    ["the process has the host's IDs", { ready: true, pid: 7, map: "0 0 4294967295\n" }, "unknown"],
    ["the runtime is away", { ready: true, away: true }, "unknown"],
  ])("when %s", async (_what, world, range) => {
    expect(await processes(world).liveRange("uid", SIGNAL)).toEqual(range);
  });
});

describe("parseIdMap()", () => {
  it.each(["", "0 1000 1\n1 100000 65536\n", "5 131072 65536\n", "nonsense"])("does not know %j", (text) => {
    expect(parseIdMap(text)).toBe("unknown");
  });
});
