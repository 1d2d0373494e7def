import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../../../src/machinery/resources.ts";
import { output, run } from "../commands.ts";
import { labelOfProcess, processOfPod, superOptionsAt } from "../kernel.ts";
import type { Scenario } from "../scenario.ts";
import { podVolumePath } from "../volumes.ts";
import { waitFor } from "../wait-for.ts";
import { deletePods, inPod, NAMESPACE, startPod } from "../workloads.ts";

export interface Iscsi {
  readonly options: string | undefined;
  readonly process: string;
  readonly access: { readonly code: number; readonly text: string };
  /** Sessions the initiator has while the pod runs, and after it. */
  readonly sessions: { readonly during: string; readonly after: string };
}

const IQN = "iqn.2026-01.dev.orlop:disk";
const IMAGE = "/data/iscsi.img";

/** A real target and a real initiator, in this machine; the volume is mounted with its pod's label. */
export const iscsi: Scenario<Iscsi> = {
  name: "iscsi",
  async run(context) {
    const { cluster, signal } = context;
    await startTarget(signal);
    await cluster.client.create(
      PERSISTENT_VOLUMES,
      {
        metadata: { name: "iscsi-disk" },
        spec: {
          capacity: { storage: "64Mi" },
          accessModes: ["ReadWriteOnce"],
          persistentVolumeReclaimPolicy: "Retain",
          storageClassName: "",
          iscsi: { targetPortal: "127.0.0.1:3260", iqn: IQN, lun: 1, fsType: "ext4" },
        },
      },
      signal,
    );
    await cluster.client.create(
      PERSISTENT_VOLUME_CLAIMS,
      {
        metadata: { name: "iscsi", namespace: NAMESPACE },
        spec: {
          storageClassName: "",
          volumeName: "iscsi-disk",
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "64Mi" } },
        },
      },
      signal,
    );
    const pod = await startPod(context, { name: "initiator", level: "s0:c20,c10", claim: "iscsi" });
    const sessions = async (): Promise<string> => (await run("iscsiadm", "-m", "session")).stdout.trim();
    const during = await sessions();
    const evidence = {
      options: await superOptionsAt(podVolumePath(pod, "iscsi", "iscsi-disk")),
      process: await labelOfProcess(await processOfPod(pod.metadata?.uid ?? "")),
      access: await inPod("initiator", "echo over the wire > /data/file && cat /data/file"),
    };
    await deletePods(context, "initiator");
    const after = await waitFor("the session to end", async () => ((await sessions()) === "" ? "" : undefined), {
      signal,
      withinMs: 240_000,
    });
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace: NAMESPACE, name: "iscsi" }, signal);
    await cluster.client.delete(PERSISTENT_VOLUMES, { name: "iscsi-disk" }, signal);
    return { ...evidence, sessions: { during, after } };
  },
};

async function startTarget(signal: AbortSignal): Promise<void> {
  await output("modprobe", "iscsi_tcp");
  await mkdir("/run/lock", { recursive: true });
  await output("/usr/lib/systemd/systemd-udevd", "--daemon");
  await output("udevadm", "trigger", "--action=add", "--subsystem-match=block");
  await output("truncate", "-s", "64M", IMAGE);
  spawn("tgtd", ["--foreground"], { stdio: "ignore", detached: true }).unref();
  await output("iscsid");
  const tgtadm = (...parameters: readonly string[]): Promise<unknown> => run("tgtadm", "--lld", "iscsi", ...parameters);
  await waitFor(
    "the target daemon",
    async () =>
      (await run("tgtadm", "--lld", "iscsi", "--op", "show", "--mode", "target")).code === 0 ? true : undefined,
    { signal },
  );
  await tgtadm("--op", "new", "--mode", "target", "--tid", "1", "--targetname", IQN);
  await tgtadm("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "--backing-store", IMAGE);
  await tgtadm("--op", "bind", "--mode", "target", "--tid", "1", "--initiator-address", "ALL");
}
