import type { Pod } from "../../../../src/api/types.ts";
import { EVENTS, PODS } from "../../../../src/machinery/resources.ts";
import { superOptionsAt } from "../kernel.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { createClaim, deleteClaim, podVolumePath, volumeNameOf } from "../volumes.ts";
import { waitFor } from "../wait-for.ts";
import { createPod, deletePods, inPod, kubectl, NAMESPACE, startPod, untilRunning } from "../workloads.ts";

export interface Conflict {
  readonly first: string | undefined;
  /** Why the second pod waits, as its events say. */
  readonly messages: readonly string[];
  readonly phase: string | undefined;
  readonly waitingReason: string | undefined;
  readonly errorsMetric: readonly string[];
  /** The mount of the second pod, once the first is gone. */
  readonly second: string | undefined;
  readonly secondReads: { readonly code: number; readonly text: string };
}

/** Messages of warnings about a pod's volumes that contain a text; waits for the first. */
export async function untilWarned(context: ScenarioContext, pod: string, text: string): Promise<readonly string[]> {
  return await waitFor(
    `a warning of pod ${pod} with "${text}"`,
    async () => {
      const fieldSelector = `involvedObject.name=${pod},type=Warning`;
      const { items } = await context.cluster.client.list(
        EVENTS,
        { namespace: NAMESPACE, fieldSelector },
        context.signal,
      );
      const messages = items.map(({ message = "" }) => message).filter((message) => message.includes(text));
      return messages.length > 0 ? messages : undefined;
    },
    { signal: context.signal },
  );
}

export async function podNow({ cluster, signal }: ScenarioContext, name: string): Promise<Pod> {
  return await cluster.client.get(PODS, { namespace: NAMESPACE, name }, signal);
}

/** Two pods with two labels want one volume: the second waits, says why, and starts by itself when the first is gone. */
export const conflict: Scenario<Conflict> = {
  name: "conflict",
  async run(context) {
    await createClaim(context, "shared", "ReadWriteMany");
    const first = await startPod(context, { name: "first", level: "s0:c1,c2", claim: "shared" });
    const volume = await volumeNameOf(context, "shared");
    await inPod("first", "echo from first > /data/file");
    await createPod(context, { name: "second", level: "s0:c3,c4", claim: "shared" });
    const messages = await untilWarned(context, "second", "SELinux");
    const waiting = await waitFor(
      "the status of the second pod",
      async () => {
        const pod = await podNow(context, "second");
        return pod.status?.containerStatuses === undefined ? undefined : pod;
      },
      { signal: context.signal },
    );
    const metrics = await kubectl("get", "--raw", "/api/v1/nodes/orlop-vm/proxy/metrics");
    const before = await superOptionsAt(podVolumePath(first, "csi", volume));
    await deletePods(context, "first");
    const second = await untilRunning(context, "second");
    const evidence = {
      first: before,
      messages,
      phase: waiting.status?.phase,
      waitingReason: waiting.status?.containerStatuses?.[0]?.state?.waiting?.reason,
      errorsMetric: metrics
        .split("\n")
        .filter((line) => line.startsWith("volume_manager_selinux_volume_context_mismatch_errors_total{")),
      second: await superOptionsAt(podVolumePath(second, "csi", volume)),
      secondReads: await inPod("second", "cat /data/file"),
    };
    await deletePods(context, "second");
    await deleteClaim(context, "shared");
    return evidence;
  },
};

export interface PrivilegedSharing {
  /** Why a privileged pod waits beside one with a label. */
  readonly messages: readonly string[];
  readonly phase: string | undefined;
  /** With the policy Recursive on both, they run together. */
  readonly together: readonly { readonly code: number; readonly text: string }[];
  readonly options: string | undefined;
}

/** A privileged pod has no label, so it may not join a labelled mount; with the policy Recursive on both sides they share. */
export const privilegedSharing: Scenario<PrivilegedSharing> = {
  name: "privileged-sharing",
  async run(context) {
    await createClaim(context, "backup", "ReadWriteMany");
    await startPod(context, { name: "application", level: "s0:c1,c2", claim: "backup" });
    await inPod("application", "echo data > /data/file");
    await createPod(context, { name: "agent", privileged: true, claim: "backup" });
    const messages = await untilWarned(context, "agent", "SELinux");
    const { status } = await podNow(context, "agent");
    await deletePods(context, "agent", "application");
    const recursive = { seLinuxChangePolicy: "Recursive" as const };
    const labelled = { ...recursive, seLinuxOptions: { level: "s0:c1,c2" } };
    await startPod(context, { name: "agent", privileged: true, claim: "backup", securityContext: recursive });
    const pod = await startPod(context, { name: "application", claim: "backup", securityContext: labelled });
    const evidence = {
      messages,
      phase: status?.phase,
      together: [await inPod("application", "cat /data/file"), await inPod("agent", "cat /data/file")],
      options: await superOptionsAt(podVolumePath(pod, "csi", await volumeNameOf(context, "backup"))),
    };
    await deletePods(context, "agent", "application");
    await deleteClaim(context, "backup");
    return evidence;
  },
};
