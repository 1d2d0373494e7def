import { readdir } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ProcessFacts, Profiler } from "../../ports/host-process.ts";
import { parseKilobyteTable, readTextOrNothing } from "./proc-text.ts";

/** Facts about this process out of /proc/self. */
export function createProcessFacts(): ProcessFacts {
  return {
    startedAt: Math.floor(Date.now() / 1_000 - process.uptime()),
    runtimeVersion: process.version,
    commandLine: [...process.argv],
    usage: async () => {
      const [status, limits, files] = await Promise.all([
        readTextOrNothing("/proc/self/status").then(parseKilobyteTable),
        readTextOrNothing("/proc/self/limits"),
        readdir("/proc/self/fd").catch(() => []),
      ]);
      const cpu = process.cpuUsage();
      const memory = process.memoryUsage();
      return {
        cpuSeconds: (cpu.user + cpu.system) / 1e6,
        residentBytes: memory.rss,
        virtualBytes: status.get("VmSize") ?? 0,
        heapUsedBytes: memory.heapUsed,
        heapTotalBytes: memory.heapTotal,
        openFiles: files.length,
        maximumFiles: Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0),
      };
    },
  };
}

/** Profiles through the engine's inspector, without opening a port. */
export function createProfiler(): Profiler {
  let busy = false;
  const exclusively = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    if (busy) throw new OrlopError("Conflict", "another profile is being taken: wait until it is done");
    busy = true;
    const session = new Session();
    session.connect();
    try {
      return await work(session);
    } finally {
      session.disconnect();
      busy = false;
    }
  };
  return {
    cpuProfile: (seconds, signal) =>
      exclusively(async (session) => {
        await session.post("Profiler.enable");
        await session.post("Profiler.start");
        await pause(seconds, signal);
        return encode((await session.post("Profiler.stop")).profile);
      }),
    heapProfile: (seconds, which, signal) =>
      exclusively(async (session) => {
        const all = which === "all";
        await session.post("HeapProfiler.enable");
        await session.post("HeapProfiler.startSampling", {
          includeObjectsCollectedByMajorGC: all,
          includeObjectsCollectedByMinorGC: all,
        });
        await pause(seconds, signal);
        return encode((await session.post("HeapProfiler.stopSampling")).profile);
      }),
  };
}

function encode(profile: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(profile));
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, seconds * 1_000);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    function done(): void {
      signal.removeEventListener("abort", stop);
      resolve();
    }
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
