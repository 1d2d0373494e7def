import { readFile } from "node:fs/promises";
import { labelOfProcess, processOfPod, superOptionsAt } from "../kernel.ts";
import type { Scenario } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, volumeNameOf } from "../volumes.ts";
import { createPod, deletePods, inPod, startPod, untilRunning } from "../workloads.ts";

export interface ContextMount {
  readonly options: string | undefined;
  readonly process: string;
  /** What the pod wrote into the volume and read again. */
  readonly own: { readonly code: number; readonly text: string };
  /** The same file, from a pod with other categories. */
  readonly strangerReads: { readonly code: number; readonly text: string };
  readonly strangerWrites: { readonly code: number; readonly text: string };
  /** The same way in, from a pod with the owner's categories: nothing but those makes the difference. */
  readonly twinReads: { readonly code: number; readonly text: string };
  readonly kept: string;
}

/** A volume is mounted with the label of its pod; processes with other categories are kept out by the kernel. */
export const contextMount: Scenario<ContextMount> = {
  name: "context-mount",
  async run(context) {
    await createClaim(context, "labelled");
    const pod = await startPod(context, { name: "owner", level: "s0:c20,c10", claim: "labelled" });
    const path = podVolumePath(pod, "csi", await volumeNameOf(context, "labelled"));
    const own = await inPod("owner", "echo secret > /data/file && cat /data/file");
    // A hostPath volume is never relabelled: the way to look at one mount with two labels.
    await createPod(context, { name: "stranger", level: "s0:c3,c4", volume: { hostPath: { path } } });
    await createPod(context, { name: "twin", level: "s0:c10,c20", volume: { hostPath: { path } } });
    await untilRunning(context, "stranger");
    await untilRunning(context, "twin");
    const evidence = {
      options: await superOptionsAt(path),
      process: await labelOfProcess(await processOfPod(pod.metadata?.uid ?? "")),
      own,
      strangerReads: await inPod("stranger", "cat /data/file"),
      strangerWrites: await inPod("stranger", "echo mine > /data/file"),
      twinReads: await inPod("twin", "cat /data/file"),
      kept: await readFile(`${path}/file`, "utf8"),
    };
    await deletePods(context, "stranger", "twin", "owner");
    await deleteClaim(context, "labelled");
    return evidence;
  },
};
