import type { PodSecurityContext } from "../../../../src/api/types.ts";
import { superOptionsAt } from "../kernel.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, storedLabels, untilUnstaged, volumeNameOf } from "../volumes.ts";
import { deletePods, inPod, startPod } from "../workloads.ts";

interface Start {
  readonly options: string | undefined;
  readonly access: { readonly code: number; readonly text: string };
  /** Files of before whose stored label or time of change is another after the pod: each write of a label changes both. */
  readonly changed: number;
  /** Files that are stored with a container's label. */
  readonly labelled: number;
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
  const before = await storedLabels(volume);
  const securityContext = { seLinuxOptions: { level: LEVEL }, ...security };
  const pod = await startPod(context, { name: "user", claim: "files", securityContext });
  const options = await superOptionsAt(podVolumePath(pod, "csi", volume));
  const access = await inPod("user", "cat /data/1 && echo new > /data/new && cat /data/new && rm /data/new");
  await deletePods(context, "user");
  await untilUnstaged(context, volume);
  const after = await storedLabels(volume);
  return {
    options,
    access,
    changed: [...before].filter(([path, { label, changed }]) => {
      const now = after.get(path);
      return now?.label !== label || now.changed !== changed;
    }).length,
    labelled: [...after.values()].filter(({ label }) => label.includes(":container_file_t:")).length,
  };
}
