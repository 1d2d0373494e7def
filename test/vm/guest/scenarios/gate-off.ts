import { labelOfFile, superOptionsAt } from "../kernel.ts";
import type { Scenario } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, volumeNameOf } from "../volumes.ts";
import { deletePods, inPod, startPod } from "../workloads.ts";

interface Mounted {
  readonly options: string | undefined;
  readonly access: { readonly code: number; readonly text: string };
  /** Of the file the pod wrote, as the host sees it. */
  readonly label: string;
}

export interface GateOff {
  readonly readWriteOncePod: Mounted;
  readonly readWriteOnce: Mounted;
}

/** As upstream's 1.36 is delivered: only ReadWriteOncePod volumes are mounted with a label, others are relabelled. */
export const gateOff: Scenario<GateOff> = {
  name: "gate-off",
  featureGates: "SELinuxMount=false",
  async run(context) {
    const mounted = async (name: string, mode: "ReadWriteOncePod" | "ReadWriteOnce"): Promise<Mounted> => {
      await createClaim(context, name, mode);
      const pod = await startPod(context, { name, level: "s0:c10,c20", claim: name });
      const path = podVolumePath(pod, "csi", await volumeNameOf(context, name));
      const options = await superOptionsAt(path);
      const access = await inPod(name, "echo x > /data/file && cat /data/file");
      const label = await labelOfFile(`${path}/file`);
      await deletePods(context, name);
      await deleteClaim(context, name);
      return { options, access, label };
    };
    return {
      readWriteOncePod: await mounted("rwop", "ReadWriteOncePod"),
      readWriteOnce: await mounted("rwo", "ReadWriteOnce"),
    };
  },
};
