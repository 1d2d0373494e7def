import { mkdir } from "node:fs/promises";
import { output, run } from "../commands.ts";
import { kernelLog, labelOfProcess, processOfPod, superOptionsAt } from "../kernel.ts";
import type { Scenario } from "../scenario.ts";
import { deletePods, startPod } from "../workloads.ts";

export interface KernelFacts {
  readonly mode: string;
  readonly ownLabel: string;
  readonly options: string | undefined;
  readonly secondMount: { readonly code: number; readonly log: readonly string[] };
}

/** The ground everything else stands on: the policy is enforced and the kernel takes a context as a mount option. */
export const kernelFacts: Scenario<KernelFacts> = {
  name: "kernel",
  async run() {
    const [image, first, second] = ["/tmp/kernel.img", "/tmp/first", "/tmp/second"];
    const context = (categories: string): string => `context="system_u:object_r:container_file_t:s0:${categories}"`;
    await Promise.all([first, second].map((path) => mkdir(path, { recursive: true })));
    await output("truncate", "-s", "16M", image);
    await output("mkfs.ext4", "-q", image);
    const device = (await output("losetup", "--find", "--show", image)).trim();
    await output("mount", "-o", context("c20,c10"), device, first);
    const { code } = await run("mount", "-o", context("c3,c4"), device, second);
    const facts = {
      mode: (await output("getenforce")).trim(),
      ownLabel: await labelOfProcess(process.pid),
      options: await superOptionsAt(first),
      secondMount: { code, log: await kernelLog("Same superblock, different security settings") },
    };
    await output("umount", first);
    await output("losetup", "--detach", device);
    return facts;
  },
};

export interface PlainPod {
  readonly label: string;
}

/** A pod without volumes: orlop, containerd and runc start a container whose process has the label the pod asks for. */
export const plainPod: Scenario<PlainPod> = {
  name: "plain-pod",
  async run(context) {
    const pod = await startPod(context, { name: "plain", level: "s0:c10,c20" });
    const label = await labelOfProcess(await processOfPod(pod.metadata?.uid ?? ""));
    await deletePods(context, "plain");
    return { label };
  },
};
