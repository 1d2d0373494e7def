import type { PodSecurityContext } from "../../../../src/api/types.ts";
import { watchLabelWrites } from "../attribute-writes.ts";
import { superOptionsAt } from "../kernel.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, storedLabels, untilUnstaged, volumeNameOf } from "../volumes.ts";
import { deletePods, inPod, startPod } from "../workloads.ts";

interface Start {
  readonly options: string | undefined;
  /** Labels that anybody wrote to files of the volume while the pod started. */
  readonly labelWrites: number;
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
  const watch = await watchLabelWrites();
  const securityContext = { seLinuxOptions: { level: LEVEL }, ...security };
  const pod = await startPod(context, { name: "user", claim: "files", securityContext });
  const path = podVolumePath(pod, "csi", volume);
  const labelWrites = (await watch.end()).filter((written) => written.startsWith(path)).length;
  const options = await superOptionsAt(path);
  const access = await inPod("user", "cat /data/1 && echo again > /data/1 && cat /data/1");
  await deletePods(context, "user");
  await untilUnstaged(context, volume);
  return { options, labelWrites, access, stored: await storedLabels(volume) };
}
