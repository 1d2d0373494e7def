import { describe, expect, it } from "vitest";
import type { SubIdFacts } from "../core/userns/sub-ids.ts";
import { formatMappingFile } from "../core/userns/mapping-file.ts";
import { quietLog, seededRandom } from "../testing/quiet.ts";
import { createNodeUserNamespaces, RANGE_ANNOTATION } from "./userns-of-node.ts";

const SIGNAL = new AbortController().signal;
const BLOCK = 65536;
const delegated = (first: number, length: number): SubIdFacts => {
  const line = `0: kubelet ${first} ${length}\n`;
  return { found: "answer", uids: line, gids: line };
};
const pod = (uid: string) => ({ metadata: { uid }, spec: { containers: [], hostUsers: false } });

async function start(
  options: {
    subIds?: SubIdFacts;
    idsPerPod?: number;
    maxPods?: number;
    files?: Map<string, string>;
    gateEnabled?: boolean;
  } = {},
) {
  const files = options.files ?? new Map<string, string>();
  const told: string[] = [];
  const node = createNodeUserNamespaces(
    {
      store: {
        pods: async () => [...files.keys()],
        read: async (uid) => files.get(uid),
        write: async (uid, text) => void files.set(uid, text),
        remove: async (uid) => void files.delete(uid),
      },
      random: seededRandom(5),
      log: quietLog(),
      subIds: async () => options.subIds ?? { found: "nothing", because: "no-getsubids" },
      handlers: () => [{ name: "", userNamespaces: true, recursiveReadOnlyMounts: true }],
      onPoolLow: (message) => told.push(message),
      readText: async () => "",
      liveRange: async (uid) => (uid === "running" ? { firstId: BLOCK * 7, length: BLOCK } : "none"),
    },
    { gateEnabled: options.gateEnabled ?? true, idsPerPod: options.idsPerPod, maxPods: options.maxPods ?? 110 },
  );
  await node.restore.run(SIGNAL, () => undefined);
  return { ...node, files, told };
}

describe("createNodeUserNamespaces()", () => {
  it("takes the default pool on a host without getsubids", async () => {
    expect((await start()).counts()).toEqual({ used: 0, reserved: 0, free: 65534 });
  });

  it("takes what is delegated to the user kubelet", async () => {
    expect((await start({ subIds: delegated(BLOCK, BLOCK * 200) })).counts()?.free).toBe(200);
  });

  it.each<[string, Parameters<typeof start>[0], string]>([
    [
      "too few IDs",
      { subIds: delegated(BLOCK, BLOCK * 109) },
      'create user namespace manager: kubelet user assigned IDs are not enough to support 110 pods; change what /etc/subuid and /etc/subgid give to the user "kubelet", or remove that user',
    ],
    [
      "a range that starts anywhere",
      { subIds: delegated(100_000, BLOCK * 200) },
      "kubelet user assigned ID 100000 is not a multiple of 65536",
    ],
    ["idsPerPod that is no multiple", { idsPerPod: 100_000 }, "userNamespaces.idsPerPod must be a multiple of 65536"],
    [
      "a failing getsubids",
      { subIds: { found: "failure", of: "uids", reason: "exit status 1" } },
      'create user namespace manager: kubelet mappings: error retrieving additional uids for user "kubelet": exit status 1',
    ],
  ])("does not start with %s, in upstream's words", async (_what, options, reason) => {
    await expect(start(options)).rejects.toThrow(reason);
  });

  it("starts with any delegation while the feature is off, and keeps what pods still hold", async () => {
    const files = new Map([["old", formatMappingFile({ firstId: BLOCK * 2, length: BLOCK })]]);
    const node = await start({ gateEnabled: false, subIds: delegated(100_000, BLOCK), files });
    expect(node.counts()).toMatchObject({ used: 1, reserved: 0 });
    await expect(node.namespaces.mappingFor(pod("new"), "", SIGNAL)).rejects.toThrow(
      `the feature gate "UserNamespacesSupport" is disabled: can't set spec.HostUsers`,
    );
  });

  it("with another idsPerPod than before lets pods keep the IDs they have", async () => {
    const files = new Map([["old", formatMappingFile({ firstId: BLOCK * 2, length: BLOCK })]]);
    const node = await start({ idsPerPod: BLOCK * 2, files });
    expect(await node.namespaces.mappingFor(pod("old"), "", SIGNAL)).toMatchObject({
      uidMappings: [{ hostId: BLOCK * 2, length: BLOCK }],
    });
    expect(node.namespaces.annotationsOf?.("old")).toEqual({ [RANGE_ANNOTATION]: `${BLOCK * 2}-${BLOCK * 3 - 1}` });
    expect(await node.namespaces.mappingFor(pod("new"), "", SIGNAL)).toMatchObject({
      uidMappings: [{ length: BLOCK * 2 }],
    });
    expect(node.counts()).toMatchObject({ used: 2, reserved: 0 });
  });

  it("keeps the IDs of a pod that runs without a mapping file, once it is seen", async () => {
    const node = await start();
    const seen = { what: 'container "c"', id: "c", process: async () => undefined };
    await node.namespaces.prove?.("running", [seen], SIGNAL);
    await node.namespaces.prove?.("ended", [], SIGNAL);
    expect(node.counts()).toMatchObject({ used: 0, reserved: 1 });
  });

  it("shows each pod's range, and tells once that few are left", async () => {
    const node = await start({ subIds: delegated(BLOCK, BLOCK * 10), maxPods: 10 });
    for (let index = 0; index < 9; index++) await node.namespaces.mappingFor(pod(`p${index}`), "", SIGNAL);
    expect(node.told).toEqual([]);
    const mapping = await node.namespaces.mappingFor(pod("last"), "", SIGNAL);
    await node.namespaces.mappingFor(pod("last"), "", SIGNAL);
    expect(node.told).toEqual([expect.stringContaining("0 of 10 ranges of user namespace IDs are free")]);
    const first = mapping?.uidMappings[0]?.hostId ?? 0;
    expect(node.namespaces.annotationsOf?.("last")).toEqual({ [RANGE_ANNOTATION]: `${first}-${first + BLOCK - 1}` });
    expect(node.namespaces.annotationsOf?.("other")).toEqual({});
  });
});
