import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { runtimeLayout } from "../../../../src/adapters/runtime/runtime-layout.ts";
import type { PodSecurityContext } from "../../../../src/api/types.ts";
import { DATA_DIR } from "../cluster.ts";
import { superOptionsAt } from "../kernel.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, storedLabels, untilUnstaged, volumeNameOf } from "../volumes.ts";
import { deletePods, inPod, startPod } from "../workloads.ts";

interface Start {
  readonly options: string | undefined;
  /** Calls of setxattr and its kin that containerd made while the pod started. */
  readonly attributeWrites: number;
  readonly access: { readonly code: number; readonly text: string };
  readonly stored: { readonly files: number; readonly labelled: number };
}

export interface Relabelling {
  readonly files: number;
  readonly withContext: Start;
  readonly recursive: Start;
}

const FILES = 100;
const LEVEL = "s0:c10,c20";

/** One volume, first with the label as a mount option, then by a pod that opted out: who writes labels, and how many. */
export const relabelling: Scenario<Relabelling> = {
  name: "relabelling",
  timeoutMs: 300_000,
  async run(context) {
    await createClaim(context, "files");
    await startPod(context, { name: "filler", level: LEVEL, claim: "files" });
    await inPod("filler", `for i in $(seq ${FILES}); do echo $i > /data/$i; done; sync`);
    await deletePods(context, "filler");
    const volume = await volumeNameOf(context, "files");
    await untilUnstaged(context, volume);
    const withContext = await start(context, volume, {});
    const recursive = await start(context, volume, { seLinuxChangePolicy: "Recursive" });
    await deleteClaim(context, "files");
    return { files: FILES, withContext, recursive };
  },
};

async function start(context: ScenarioContext, volume: string, security: PodSecurityContext): Promise<Start> {
  const counting = await countAttributeWrites();
  const securityContext = { seLinuxOptions: { level: LEVEL }, ...security };
  const pod = await startPod(context, { name: "user", claim: "files", securityContext });
  const attributeWrites = await counting.end();
  const options = await superOptionsAt(podVolumePath(pod, "csi", volume));
  const access = await inPod("user", "cat /data/1 && echo again > /data/1 && cat /data/1");
  await deletePods(context, "user");
  await untilUnstaged(context, volume);
  return { options, attributeWrites, access, stored: await storedLabels(volume) };
}

/** Watches containerd, which relabels volumes, with strace. */
async function countAttributeWrites(): Promise<{ end(): Promise<number> }> {
  const { pid } = JSON.parse(await readFile(runtimeLayout(DATA_DIR).pidFile, "utf8")) as { readonly pid: number };
  const file = "/tmp/attribute-writes";
  const calls = "trace=setxattr,lsetxattr,fsetxattr";
  const strace = spawn("strace", ["-f", "-qq", "-e", calls, "-o", file, "-p", String(pid)], { stdio: "ignore" });
  // It attaches to each thread in turn; containerd is idle meanwhile.
  while (!/TracerPid:\t[1-9]/.test(await readFile(`/proc/${pid}/status`, "utf8"))) await sleep(100);
  return {
    async end() {
      const ended = once(strace, "exit");
      strace.kill("SIGINT");
      await ended;
      const lines = (await readFile(file, "utf8")).split("\n");
      return lines.filter((line) => /setxattr\(.*security\.selinux/.test(line)).length;
    },
  };
}
