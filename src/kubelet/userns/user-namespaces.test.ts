import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { createIdPool } from "../../core/userns/id-pool.ts";
import type { IdRange } from "../../core/userns/id-pool.ts";
import { formatMappingFile } from "../../core/userns/mapping-file.ts";
import type { Log } from "../../ports/log.ts";
import { mappingStoreConformance } from "../../ports/mapping-store.conformance.ts";
import type { MappingStore } from "../../ports/mapping-store.ts";
import { createUserNamespaces, type UserNamespaces } from "./user-namespaces.ts";

const BLOCK = 65536;
const signal = new AbortController().signal;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const pod = (uid: string, hostUsers: boolean | "absent" = false): Pod => ({
  metadata: { uid, name: uid },
  spec: { containers: [], ...(hostUsers !== "absent" && { hostUsers }) },
});

function memoryStore(
  files = new Map<string, string>(),
): MappingStore & { readonly files: Map<string, string>; fail: boolean } {
  const check = (uid: string): void => {
    if (!/^[\w][\w.-]*$/.test(uid)) throw new Error(`pod uid ${uid} is no file name`);
  };
  return {
    files,
    fail: false,
    pods: async () => [...files.keys()],
    read: async (uid) => {
      check(uid);
      return files.get(uid);
    },
    async write(uid, text) {
      check(uid);
      if (this.fail) throw new Error("no space left on device");
      files.set(uid, text);
    },
    remove: async (uid) => void files.delete(uid),
  };
}

mappingStoreConformance("memory", async () => memoryStore());

async function node(
  store: MappingStore,
  options: {
    blocks?: number;
    live?: (uid: string) => IdRange | "none" | "unknown";
    fraction?: () => number;
    supported?: boolean;
  } = {},
): Promise<UserNamespaces> {
  const blocks = options.blocks ?? 8;
  const namespaces = createUserNamespaces(
    {
      pool: createIdPool({ firstId: BLOCK, length: BLOCK * blocks, idsPerPod: BLOCK, blocks }),
      store,
      random: { bytes: (length) => new Uint8Array(length), uuid: () => "", fraction: options.fraction ?? (() => 0) },
      log: silent,
      handlers: async () => [{ name: "", userNamespaces: options.supported ?? true }],
      liveRange: async (uid) => options.live?.(uid) ?? "none",
    },
    { gateEnabled: true },
  );
  await namespaces.restore(signal);
  return namespaces;
}

describe("createUserNamespaces()", () => {
  it("gives no mapping to pods in the host's user namespace", async () => {
    const namespaces = await node(memoryStore());
    expect(await namespaces.mappingFor(pod("a", true), "", signal)).toBeUndefined();
    expect(await namespaces.mappingFor(pod("b", "absent"), "", signal)).toBeUndefined();
  });

  it("writes the mapping before it gives it, and gives the same one again, also after a restart", async () => {
    const store = memoryStore();
    const first = await (await node(store)).mappingFor(pod("a"), "", signal);
    expect(first).toEqual({
      uidMappings: [{ hostId: BLOCK, containerId: 0, length: BLOCK }],
      gidMappings: [{ hostId: BLOCK, containerId: 0, length: BLOCK }],
    });
    expect(store.files.get("a")).toBe(formatMappingFile({ firstId: BLOCK, length: BLOCK }));
    const restarted = await node(store);
    expect(await restarted.mappingFor(pod("a"), "", signal)).toEqual(first);
    expect(await restarted.mappingFor(pod("b"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
  });

  it("refuses a pod when its runtime can not protect it, and allocates nothing", async () => {
    const namespaces = await node(memoryStore(), { supported: false });
    await expect(namespaces.mappingFor(pod("a"), "", signal)).rejects.toThrow(
      "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    );
    expect(namespaces.counts().used).toBe(0);
  });

  it("does not give a mapping that is not on disk, and keeps its range until it is", async () => {
    const store = memoryStore();
    const namespaces = await node(store);
    store.fail = true;
    await expect(namespaces.mappingFor(pod("a"), "", signal)).rejects.toThrow(
      "create user namespace: no space left on device",
    );
    await expect(namespaces.mappingFor(pod("a"), "", signal)).rejects.toThrow("no space left on device");
    store.fail = false;
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
    expect(store.files.size).toBe(1);
  });

  it("says so when all ranges are taken, and serves again after a release", async () => {
    const namespaces = await node(memoryStore(), { blocks: 1 });
    await namespaces.mappingFor(pod("a"), "", signal);
    await expect(namespaces.mappingFor(pod("b"), "", signal)).rejects.toThrow(
      "create user namespace: could not find an empty slot to allocate a user namespace",
    );
    await namespaces.release("a", signal);
    expect(await namespaces.mappingFor(pod("b"), "", signal)).toBeDefined();
  });

  it.each([
    ["truncated", '{"uidMappings":[{"hostId":131072,"conta'],
    ["overlapping another pod's", formatMappingFile({ firstId: BLOCK, length: BLOCK })],
    ["of a length no kubelet gives", formatMappingFile({ firstId: BLOCK * 2, length: BLOCK + 1 })],
    ["another runtime's, with two lines", '{"uidMappings":[{"hostId":131072,"length":65536},{"hostId":1,"length":1}]}'],
    ["of the host's root", formatMappingFile({ firstId: 0, length: BLOCK })],
    ["outside the pool", formatMappingFile({ firstId: BLOCK * 1000, length: BLOCK })],
  ])("stops only the pod whose file is %s", async (_what, text) => {
    const namespaces = await node(
      memoryStore(
        new Map([
          ["a", formatMappingFile({ firstId: BLOCK, length: BLOCK })],
          ["z", text],
        ]),
      ),
    );
    await expect(namespaces.mappingFor(pod("z"), "", signal)).rejects.toThrow(/delete the pod and create it again/);
    expect(namespaces.problemOf("z")).toMatch(/; the file pods\/z\/userns .* delete the pod and create it again$/);
    expect(namespaces.problemOf("a")).toBeUndefined();
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
    expect(await namespaces.mappingFor(pod("new"), "", signal)).toBeDefined();
  });

  it("stops only the pod whose file claims what others have, also when it is read first", async () => {
    const everything = { hostId: 0, containerId: 0, length: 2 ** 32 - 1 };
    const files = new Map([
      ["z", JSON.stringify({ uidMappings: [everything], gidMappings: [everything] })],
      ["a", formatMappingFile({ firstId: BLOCK, length: BLOCK })],
    ]);
    const namespaces = await node(memoryStore(files));
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
    await expect(namespaces.mappingFor(pod("new"), "", signal)).rejects.toThrow(
      /could not find an empty slot .* 7 are reserved because of mapping files that can not be used/,
    );
    await namespaces.release("z", signal);
    expect(await namespaces.mappingFor(pod("new"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
  });

  it.each(["copy", "owner"])(
    "of two files with the same range believes that of the pod that runs: %s first",
    async (first) => {
      const text = formatMappingFile({ firstId: BLOCK, length: BLOCK });
      const files = new Map([first, first === "copy" ? "owner" : "copy"].map((uid) => [uid, text] as const));
      const live = (uid: string): IdRange => ({ firstId: uid === "owner" ? BLOCK : BLOCK * 2, length: BLOCK });
      const namespaces = await node(memoryStore(files), { live });
      expect(await namespaces.mappingFor(pod("owner"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
      await expect(namespaces.mappingFor(pod("copy"), "", signal)).rejects.toThrow(
        /delete the pod and create it again/,
      );
      expect(await namespaces.mappingFor(pod("new"), "", signal)).toMatchObject({
        uidMappings: [{ hostId: BLOCK * 3 }],
      });
    },
  );

  it("stops only the pod whose file can not be read", async () => {
    const store = memoryStore(
      new Map([
        ["z", ""],
        ["a", formatMappingFile({ firstId: BLOCK, length: BLOCK })],
      ]),
    );
    const { read } = store;
    const namespaces = await node(
      {
        ...store,
        read: async (uid, stop) => {
          if (uid === "z") throw new Error("EIO: i/o error, read");
          return read(uid, stop);
        },
      },
      { live: () => ({ firstId: BLOCK * 2, length: BLOCK }) },
    );
    await expect(namespaces.mappingFor(pod("z"), "", signal)).rejects.toThrow(
      /EIO: i\/o error, read; the file pods\/z\/userns .* delete the pod and create it again/,
    );
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
    expect(await namespaces.mappingFor(pod("n"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 3 }] });
  });

  it("does not start when it can not tell which pods there are", async () => {
    const store = memoryStore();
    const blind = { ...store, pods: () => Promise.reject(new Error("EACCES: permission denied")) };
    await expect(node(blind)).rejects.toThrow("read pods from disk: EACCES: permission denied");
  });

  it("keeps the IDs of a live pod with a damaged file out of circulation until it is released", async () => {
    const namespaces = await node(memoryStore(new Map([["z", "{"]])), {
      blocks: 2,
      live: () => ({ firstId: BLOCK, length: BLOCK }),
    });
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
    await expect(namespaces.mappingFor(pod("b"), "", signal)).rejects.toThrow("could not find an empty slot");
    await namespaces.release("z", signal);
    expect(await namespaces.mappingFor(pod("b"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
  });

  it("asks the runtime what a pod with an empty file holds", async () => {
    const files = (): Map<string, string> => new Map([["z", ""]]);
    const live = await node(memoryStore(files()), { live: () => ({ firstId: BLOCK, length: BLOCK }) });
    expect(await live.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
    await expect(live.mappingFor(pod("z"), "", signal)).rejects.toThrow(/the mapping file is empty; .* delete the pod/);
    const dead = await node(memoryStore(files()), { live: () => "none" });
    expect(await dead.mappingFor(pod("z"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK }] });
    const silent = await node(memoryStore(files()), { live: () => "unknown" });
    await expect(silent.mappingFor(pod("a"), "", signal)).rejects.toThrow("the IDs of pod z can not be determined");
  });

  it("keeps the IDs of a pod that runs when its file is gone", async () => {
    const namespaces = await node(memoryStore(), {
      live: (uid) => (uid === "z" ? { firstId: BLOCK, length: BLOCK } : "none"),
    });
    await namespaces.keepLive("z", signal);
    await namespaces.keepLive("other", signal);
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
    await expect(namespaces.mappingFor(pod("z"), "", signal)).rejects.toThrow(
      /the mapping file is gone; .* delete the pod/,
    );
    expect(await namespaces.mappingFor(pod("other"), "", signal)).toBeDefined();
    await namespaces.release("z", signal);
    expect(namespaces.counts()).toMatchObject({ used: 2, reserved: 0 });
  });

  it("gives no new range while the IDs of a live pod can not be determined", async () => {
    const namespaces = await node(memoryStore(new Map([["z", "{"]])), { live: () => "unknown" });
    await expect(namespaces.mappingFor(pod("a"), "", signal)).rejects.toThrow("the IDs of pod z can not be determined");
    await namespaces.release("z", signal);
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toBeDefined();
  });

  it("asks again until the IDs of a live pod with a damaged file are known", async () => {
    let live: IdRange | "unknown" = "unknown";
    const namespaces = await node(memoryStore(new Map([["z", "{"]])), { live: () => live });
    await expect(namespaces.mappingFor(pod("a"), "", signal)).rejects.toThrow("can not be determined");
    live = { firstId: BLOCK, length: BLOCK };
    expect(await namespaces.mappingFor(pod("a"), "", signal)).toMatchObject({ uidMappings: [{ hostId: BLOCK * 2 }] });
    expect(namespaces.counts()).toMatchObject({ used: 1, reserved: 1 });
  });

  it("never lets two pods share IDs, whatever the order of starts, ends, failing disks and crashes", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom("start" as const, "end" as const), pod: fc.nat(9) }),
      fc.record({
        do: fc.constantFrom("crash" as const, "disk-fails" as const, "disk-works" as const),
        pod: fc.constant(0),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
        async (steps, random) => {
          const store = memoryStore();
          const fraction = (): number => random.next().value ?? 0;
          let namespaces = await node(store, { blocks: 6, fraction });
          const live = new Map<string, number>();
          for (const { do: what, pod: index } of steps) {
            const uid = `pod-${index}`;
            if (what === "crash") namespaces = await node(store, { blocks: 6, fraction });
            else if (what === "disk-fails" || what === "disk-works") store.fail = what === "disk-fails";
            else if (what === "end") {
              await namespaces.release(uid, signal);
              live.delete(uid);
            } else {
              const mapping = await namespaces.mappingFor(pod(uid), "", signal).catch(() => undefined);
              const hostId = mapping?.uidMappings[0]?.hostId;
              if (hostId === undefined) continue;
              if (live.has(uid)) expect(hostId).toBe(live.get(uid));
              live.set(uid, hostId);
            }
            expect(new Set(live.values()).size).toBe(live.size);
          }
        },
      ),
    );
  });

  it("never lets two live pods share IDs, whatever happens to the files of some", async () => {
    const BLOCKS = 6;
    const ANOTHERS = "another pod's";
    const texts = fc.oneof(
      fc.constantFrom("", "{", "null", '{"uidMappings":[]}', ANOTHERS),
      fc
        .record({ first: fc.nat(BLOCKS + 1), blocks: fc.integer({ min: 0, max: BLOCKS }) })
        .map(({ first, blocks }) => formatMappingFile({ firstId: first * BLOCK, length: blocks * BLOCK })),
    );
    const step = fc.record({ do: fc.constantFrom("start", "end", "crash", "damage"), pod: fc.nat(7), text: texts });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
        async (steps, random) => {
          const store = memoryStore();
          const live = new Map<string, number>();
          const damaged = new Set<string>();
          const begin = (): Promise<UserNamespaces> =>
            node(store, {
              blocks: BLOCKS,
              fraction: () => random.next().value ?? 0,
              live: (uid) => {
                const firstId = live.get(uid);
                return firstId === undefined ? "none" : { firstId, length: BLOCK };
              },
            });
          let namespaces = await begin();
          for (const { do: what, pod: index, text } of steps) {
            const uid = `pod-${index}`;
            if (what === "crash") {
              namespaces = await begin();
              for (const [uid, hostId] of live) {
                const held = namespaces.rangeOf(uid);
                if (held === undefined || held.firstId === hostId) continue;
                // The node sees at /proc that it does not run with what it was given, and ends it.
                await namespaces.release(uid, signal);
                live.delete(uid);
              }
              for (const [intact, hostId] of live) {
                if (damaged.has(intact)) continue;
                const mapping = await namespaces.mappingFor(pod(intact), "", signal);
                expect(mapping?.uidMappings[0]?.hostId).toBe(hostId);
              }
            } else if (what === "damage" && store.files.has(uid)) {
              const copy = store.files.get(`pod-${(index + 1) % 8}`) ?? "";
              store.files.set(uid, text === ANOTHERS ? copy : text);
              damaged.add(uid);
            } else if (what === "end") {
              await namespaces.release(uid, signal);
              live.delete(uid);
              damaged.delete(uid);
            } else if (what === "start") {
              const mapping = await namespaces.mappingFor(pod(uid), "", signal).catch(() => undefined);
              const hostId = mapping?.uidMappings[0]?.hostId;
              if (hostId !== undefined) live.set(uid, hostId);
            }
            expect(new Set(live.values()).size).toBe(live.size);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
