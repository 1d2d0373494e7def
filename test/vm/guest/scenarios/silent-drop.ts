import { mkdir } from "node:fs/promises";
import { createLinuxMounts } from "../../../../src/adapters/linux/mounts.ts";
import { CSI_DRIVERS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../../../src/machinery/resources.ts";
import { createFakeCsiDriver } from "../../../../src/testing/fake-csi-driver.ts";
import { KUBELET_ROOT } from "../cluster.ts";
import { output } from "../commands.ts";
import type { Scenario } from "../scenario.ts";
import { createPod, deletePods, NAMESPACE } from "../workloads.ts";
import { podNow, untilWarned } from "./conflict.ts";

export interface SilentDrop {
  readonly messages: readonly string[];
  readonly phase: string | undefined;
  /** Mounts of the volume after the pod was deleted. */
  readonly left: readonly string[];
}

const DRIVER = "dropper.example.com";

/** A driver that says it mounts with labels and does not pass the option on: it is caught, and named. */
export const silentDrop: Scenario<SilentDrop> = {
  name: "silent-drop",
  async run(context) {
    const { cluster, signal } = context;
    const directory = "/run/dropper";
    await mkdir(directory, { recursive: true });
    const driver = createFakeCsiDriver({
      name: DRIVER,
      directory,
      registry: `${KUBELET_ROOT}/plugins_registry`,
      mounts: createLinuxMounts(),
      drops: "context=",
    });
    await cluster.client.create(
      CSI_DRIVERS,
      { metadata: { name: DRIVER }, spec: { attachRequired: false, seLinuxMount: true } },
      signal,
    );
    await driver.start();
    try {
      await cluster.client.create(
        PERSISTENT_VOLUMES,
        {
          metadata: { name: "dropped" },
          spec: {
            capacity: { storage: "64Mi" },
            accessModes: ["ReadWriteOnce"],
            persistentVolumeReclaimPolicy: "Retain",
            storageClassName: "",
            csi: { driver: DRIVER, volumeHandle: "dropped" },
          },
        },
        signal,
      );
      await cluster.client.create(
        PERSISTENT_VOLUME_CLAIMS,
        {
          metadata: { name: "dropped", namespace: NAMESPACE },
          spec: {
            storageClassName: "",
            volumeName: "dropped",
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: "64Mi" } },
          },
        },
        signal,
      );
      await createPod(context, { name: "victim", level: "s0:c1,c2", claim: "dropped" });
      const messages = await untilWarned(context, "victim", DRIVER);
      const { status } = await podNow(context, "victim");
      await deletePods(context, "victim");
      const mounts = (await output("cat", "/proc/self/mountinfo")).split("\n");
      return { messages, phase: status?.phase, left: mounts.filter((line) => line.includes("volume-dropped")) };
    } finally {
      await driver.stop();
    }
  },
};
