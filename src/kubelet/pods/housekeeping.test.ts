import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog } from "../../testing/quiet.ts";
import { createHousekeeping, type HousekeepingDeps } from "./housekeeping.ts";

const pod = (uid: string): Pod => ({ metadata: { uid, name: uid, namespace: "team" }, spec: { containers: [] } });

/** One round over a node; what it took away, in order. */
async function round(
  change: (known: Pod[]) => Partial<Pick<HousekeepingDeps, "volumes" | "files">>,
): Promise<readonly string[]> {
  const known: Pod[] = [];
  const removed: string[] = [];
  const stopping = new AbortController();
  const changed = change(known);
  const housekeeping = createHousekeeping(
    {
      reader: { all: async () => [] },
      volumes: {
        podsOnDisk: changed.volumes?.podsOnDisk ?? (async () => []),
        release: async (uid) => void removed.push(`volumes ${uid}`),
      },
      cgroups: { remove: async (uid) => void removed.push(`cgroups ${uid}`) },
      userNamespaces: { release: async (uid) => void removed.push(`IDs ${uid}`) },
      references: { retain: () => undefined },
      files: {
        list: changed.files?.list ?? (async () => []),
        removeTree: async (path) => void removed.push(path),
      },
      // The first sleep comes after the first round.
      clock: { ...createFakeClock(), sleep: async () => stopping.abort() },
      log: quietLog(),
      isReady: () => true,
      knownPods: () => known,
      adoptOrphan: () => undefined,
    },
    { podLogsRoot: "/var/log/pods" },
  );
  await housekeeping.run(stopping.signal);
  return removed;
}

describe("createHousekeeping()", () => {
  it("releases everything of a pod nobody knows, its IDs last", async () => {
    const removed = await round(() => ({ volumes: { podsOnDisk: async () => ["a"], release: async () => undefined } }));
    expect(removed).toEqual(["volumes a", "cgroups a", "IDs a"]);
  });

  it("leaves a pod alone that came while the disk was looked at", async () => {
    const removed = await round((known) => ({
      volumes: {
        podsOnDisk: async () => {
          known.push(pod("new"));
          return ["new"];
        },
        release: async () => undefined,
      },
    }));
    expect(removed).toEqual([]);
  });

  it("keeps the logs of a pod that came while they were looked at", async () => {
    const removed = await round((known) => ({
      files: {
        list: async () => {
          known.push(pod("new"));
          return [
            { name: "team_new_new", kind: "directory" as const },
            { name: "team_old_old", kind: "directory" as const },
          ];
        },
        removeTree: async () => undefined,
      },
    }));
    expect(removed).toEqual(["/var/log/pods/team_old_old"]);
  });
});
