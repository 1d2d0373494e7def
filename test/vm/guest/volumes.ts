import { lstat, mkdir, readdir } from "node:fs/promises";
import type { Pod } from "../../../src/api/types.ts";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from "../../../src/machinery/resources.ts";
import { hasReason } from "../../../src/machinery/answer-error.ts";
import { DATA_DIR, KUBELET_ROOT } from "./cluster.ts";
import { output } from "./commands.ts";
import type { ScenarioContext } from "./scenario.ts";
import { waitFor } from "./wait-for.ts";
import { NAMESPACE } from "./workloads.ts";

/** A claim of the default class, which `orlop up` brings: our CSI driver. */
export async function createClaim(
  { cluster, signal }: ScenarioContext,
  name: string,
  accessMode: "ReadWriteOnce" | "ReadWriteMany" | "ReadWriteOncePod" = "ReadWriteOnce",
  size = "64Mi",
): Promise<void> {
  await cluster.client.create(
    PERSISTENT_VOLUME_CLAIMS,
    {
      metadata: { name, namespace: NAMESPACE },
      spec: { accessModes: [accessMode], resources: { requests: { storage: size } } },
    },
    signal,
  );
}

/** Deletes a claim and waits until its volume is gone as well. */
export async function deleteClaim({ cluster, signal }: ScenarioContext, name: string): Promise<void> {
  const key = { namespace: NAMESPACE, name };
  const claim = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, key, signal);
  await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, key, signal);
  const volume = { name: claim.spec?.volumeName ?? "" };
  if (volume.name === "") return;
  await waitFor(
    `volume ${volume.name} to be gone`,
    async () => {
      const answer = await cluster.client.get(PERSISTENT_VOLUMES, volume, signal).catch((reason: unknown) => reason);
      return hasReason(answer, "NotFound") ? true : undefined;
    },
    { signal },
  );
}

export async function volumeNameOf({ cluster, signal }: ScenarioContext, claim: string): Promise<string> {
  const { spec } = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: NAMESPACE, name: claim }, signal);
  return spec?.volumeName ?? "";
}

/** Where the kubelet has the pod's volume, in the layout of every kubelet. */
export function podVolumePath(pod: Pod, plugin: string, volume: string): string {
  const folder = `${KUBELET_ROOT}/pods/${pod.metadata?.uid ?? ""}/volumes/kubernetes.io~${plugin}/${volume}`;
  return plugin === "csi" ? `${folder}/mount` : folder;
}

/** Waits until nothing of a volume of our driver is mounted. */
export async function untilUnstaged({ signal }: ScenarioContext, volume: string): Promise<void> {
  await waitFor(
    `volume ${volume} to be unmounted`,
    async () => ((await output("losetup", "--associated", imageOf(volume))) === "" ? true : undefined),
    { signal },
  );
}

/** The image of a volume of our driver. */
export function imageOf(volume: string): string {
  return `${DATA_DIR}/volumes/${volume}/image`;
}

/** Mounts the image of a volume that nobody uses, without a context, for as long as the work takes. */
export async function withPlainMount<T>(volume: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = "/run/plain";
  await mkdir(path, { recursive: true });
  const device = (await output("losetup", "--find", "--show", imageOf(volume))).trim();
  try {
    await output("mount", device, path);
    try {
      return await work(path);
    } finally {
      await output("umount", path);
    }
  } finally {
    await output("losetup", "--detach", device);
  }
}

export interface StoredLabel {
  readonly label: string;
  /** When the file or its attributes changed last, in nanoseconds, as decimal digits. */
  readonly changed: string;
}

/** Regular files at the top of a volume that nobody uses, with the labels they have on disk. */
export async function storedLabels(volume: string): Promise<ReadonlyMap<string, StoredLabel>> {
  return await withPlainMount(volume, async (path) => {
    const found = new Map<string, StoredLabel>();
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const { ctimeNs } = await lstat(`${path}/${entry.name}`, { bigint: true });
      found.set(entry.name, { label: "", changed: ctimeNs.toString() });
    }
    const text = await output("ls", "-1Z", path);
    for (const line of text.split("\n")) {
      const [label = "", name = ""] = line.trim().split(/\s+/);
      const known = found.get(name);
      if (known !== undefined) found.set(name, { ...known, label });
    }
    return found;
  });
}
