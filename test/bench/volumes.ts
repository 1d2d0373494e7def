import { createCsiConnector } from "../../src/adapters/csi/csi-connector.ts";
import { decideMount, type MountDecisionInput } from "../../src/core/selinux/mount-decision.ts";
import { admitUser, nextStepFor, UNUSED, type VolumeDemand } from "../../src/core/volumes/node-volume.ts";
import { startVolumeNode, type VolumeNode } from "../../src/testing/volume-node.ts";
import { table } from "./statistics.ts";

const SIGNAL = new AbortController().signal;
const PODS = 110;
const VOLUMES = 1_000;
const DRIVER = "bench.csi";

/**
 * What shared volumes cost the kubelet: the SELinux decision, and a full node of 110 pods and 1,000 CSI volumes. The
 * driver is a real gRPC server in this process; the mount table is in memory, so that nothing of the kernel is in it.
 */
export async function volumes(): Promise<string> {
  const rows: (string | number)[][] = [...decisions(), ...(await fullNode())];
  return table(["what", "per unit", "floor in the same run", "ratio"], rows);
}

function decisions(): readonly (string | number)[][] {
  const input: MountDecisionInput = {
    contexts: {
      process: "system_u:system_r:container_t:s0",
      file: "system_u:object_r:container_file_t:s0",
      readOnlyFile: "system_u:object_r:container_ro_file_t:s0",
    },
    gates: { mountReadWriteOncePod: true, mount: true },
    podOptions: { level: "s0:c26,c15" },
    users: [{}, {}],
    driverSupportsContext: true,
    accessModes: ["ReadWriteMany"],
  };
  const demand: VolumeDemand = {
    podUid: "next",
    pod: { namespace: "default", name: "next" },
    context: "l",
    contextText: "l",
    wanted: "l",
    tracked: true,
    blocks: true,
  };
  let busy = UNUSED;
  for (let pod = 0; pod < PODS; pod += 1) {
    const admission = admitUser(busy, { ...demand, podUid: `p${pod}` });
    if (admission.verdict === "admitted") busy = admission.volume;
  }
  const text = '{"level":"s0:c26,c15"}';
  const floor = nanoseconds(() => JSON.parse(text));
  const line = (what: string, cost: number): (string | number)[] => [
    what,
    `${Math.round(cost)} ns`,
    `${Math.round(floor)} ns to parse ${text}`,
    Number((cost / floor).toFixed(1)),
  ];
  return [
    line(
      "decideMount(), two containers",
      nanoseconds(() => decideMount(input)),
    ),
    line(
      "the same without SELinux",
      nanoseconds(() => decideMount({ ...input, contexts: undefined })),
    ),
    line(
      `admitUser() to a volume of ${PODS} pods`,
      nanoseconds(() => admitUser(busy, demand)),
    ),
    line(
      "nextStepFor()",
      nanoseconds(() => nextStepFor(busy, "p7", true)),
    ),
  ];
}

/** Of one call, once it is compiled: the best of some rounds, since other work runs beside this. */
function nanoseconds(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const begun = performance.now();
    for (let turn = 0; turn < 20_000; turn += 1) work();
    best = Math.min(best, ((performance.now() - begun) * 1e6) / 20_000);
  }
  return best;
}

async function fullNode(): Promise<readonly (string | number)[][]> {
  const node = await startVolumeNode({ callTimeout: 60_000 });
  try {
    await node.addDriver({ volumeLifecycleModes: ["Ephemeral"] }, { name: DRIVER });
    const pods = Array.from({ length: PODS }, (_, pod) =>
      node.pod(
        `p${pod}`,
        Array.from({ length: pod < VOLUMES % PODS ? 10 : 9 }, (__, at) => ({
          name: `v${at}`,
          csi: { driver: DRIVER },
        })),
      ),
    );
    const all = (what: readonly (typeof pods)[number][]): Promise<unknown> =>
      Promise.all(what.map((pod) => node.prepare(pod)));

    const mounting = await milliseconds(() => all(pods));
    const calls = await milliseconds(() => bareCalls(node));
    const steady = await milliseconds(() => all(pods));
    await node.restart();
    const again = await milliseconds(() => all(pods));
    const releasing = await milliseconds(() => Promise.all(pods.map((pod) => node.release(pod))));
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    const line = (what: string, cost: number, floor: string, against: number): (string | number)[] => [
      what,
      ms(cost),
      `${ms(against)} ${floor}`,
      Number((cost / against).toFixed(2)),
    ];
    const bare = `for ${VOLUMES} bare gRPC calls`;
    return [
      line(`mounting ${VOLUMES} volumes of ${PODS} pods`, mounting, bare, calls),
      line("looking them over when all is as it should be", steady, bare, calls),
      line("mounting them again after the restart", again, bare, calls),
      line("taking them down", releasing, bare, calls),
    ];
  } finally {
    await node.stop();
  }
}

async function bareCalls(node: VolumeNode): Promise<void> {
  const driver = await node.addDriver(undefined, { name: "bare.csi" });
  const connection = createCsiConnector({ timeout: 60_000 }).connect(driver.endpoint);
  try {
    await Promise.all(Array.from({ length: VOLUMES }, () => connection.node.capabilities(SIGNAL)));
  } finally {
    connection.close();
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
