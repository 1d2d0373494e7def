import { superOptionsAt } from "../kernel.ts";
import type { Scenario } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, untilUnstaged, volumeNameOf } from "../volumes.ts";
import { createPod, deletePods, inPod, startPod, untilRunning } from "../workloads.ts";
import { podNow, untilWarned } from "./conflict.ts";

export interface Reconstruction {
  readonly before: { readonly options: string | undefined; readonly container: string | undefined };
  readonly after: {
    readonly options: string | undefined;
    readonly container: string | undefined;
    readonly restarts: number | undefined;
  };
  readonly access: { readonly code: number; readonly text: string };
  /** The label is known again: another one is refused. */
  readonly messages: readonly string[];
  readonly second: string | undefined;
}

const GATES = "SELinuxMount=true";

/** Kubelet and driver are killed with a labelled volume in use, and find everything as it was. */
export const reconstruction: Scenario<Reconstruction> = {
  name: "reconstruction",
  async run(context) {
    const { cluster } = context;
    await createClaim(context, "kept", "ReadWriteMany");
    const pod = await startPod(context, { name: "survivor", level: "s0:c20,c10", claim: "kept" });
    const volume = await volumeNameOf(context, "kept");
    const path = podVolumePath(pod, "csi", volume);
    const before = { options: await superOptionsAt(path), container: pod.status?.containerStatuses?.[0]?.containerID };
    await cluster.stop("SIGKILL");
    await cluster.start(GATES);
    await createPod(context, { name: "other", level: "s0:c3,c4", claim: "kept" });
    const messages = await untilWarned(context, "other", "SELinux");
    const again = await podNow(context, "survivor");
    const after = {
      options: await superOptionsAt(path),
      container: again.status?.containerStatuses?.[0]?.containerID,
      restarts: again.status?.containerStatuses?.[0]?.restartCount,
    };
    const access = await inPod("survivor", "echo still here > /data/file && cat /data/file");
    await deletePods(context, "survivor");
    const second = await untilRunning(context, "other");
    const evidence = {
      before,
      after,
      access,
      messages,
      second: await superOptionsAt(podVolumePath(second, "csi", volume)),
    };
    await deletePods(context, "other");
    await untilUnstaged(context, volume);
    await deleteClaim(context, "kept");
    return evidence;
  },
};
