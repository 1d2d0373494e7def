import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { csiAccessMode } from "../../core/csi/access-mode.ts";
import { blockPublishPath, blockStagingPath, publishPath, stagingPath } from "../../core/csi/csi-paths.ts";
import { type CsiSource } from "../../core/csi/csi-source.ts";
import { type Expansion, expandedStatus, neededExpansion } from "../../core/csi/expansion.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { PERSISTENT_VOLUME_CLAIMS } from "../../machinery/resources.ts";
import { CsiFailure } from "../../ports/csi.ts";
import type { Log } from "../../ports/log.ts";
import type { PodEvent } from "../pods/pod-events.ts";
import { isBlock, type NodeVolumeSpec } from "../volumes/node-volume-plugin.ts";
import type { NodeVolumes } from "../volumes/node-volumes.ts";
import type { CsiDrivers } from "./csi-drivers.ts";
import type { CsiObjects } from "./csi-objects.ts";
import { csiSourceOf } from "./csi-plugin.ts";

export interface VolumeCareDeps {
  readonly client: Pick<ClusterClient, "patch">;
  readonly drivers: Pick<CsiDrivers, "node">;
  readonly objects: CsiObjects;
  readonly volumes: Pick<NodeVolumes, "remount">;
  readonly digest: (text: string) => string;
  readonly log: Log;
  readonly tell: (pod: Pod, event: PodEvent) => void;
}

/**
 * Looks after CSI volumes that are mounted: grows file systems of volumes that have grown, and publishes again where the
 * driver wants that (requiresRepublish). A failure is told to the pod and does it no harm; the next look tries again.
 */
export function createVolumeCare(
  deps: VolumeCareDeps,
  options: { readonly root: string },
): (spec: NodeVolumeSpec, signal: AbortSignal) => Promise<void> {
  const { digest } = deps;
  const { root } = options;
  /** Volumes that are being grown: for all pods of the node at once, and recorded in their claim once. */
  const growing = new Set<string>();

  async function republish(spec: NodeVolumeSpec, source: CsiSource, signal: AbortSignal): Promise<void> {
    const driver = await deps.objects.driver(source.driver, signal);
    if (driver?.spec?.requiresRepublish === true) await deps.volumes.remount(spec, signal);
  }

  async function grow(
    spec: NodeVolumeSpec,
    source: CsiSource,
    claim: PersistentVolumeClaim,
    expansion: Expansion,
    signal: AbortSignal,
  ): Promise<void> {
    const node = deps.drivers.node(source.driver);
    const capabilities = await node.capabilities(signal);
    if (!capabilities.has("EXPAND_VOLUME")) return;
    const staged = capabilities.has("STAGE_UNSTAGE_VOLUME");
    const block = isBlock(spec);
    const uid = spec.pod.metadata?.uid ?? "";
    const staging = block
      ? blockStagingPath(root, source.specName)
      : stagingPath(root, source.driver, digest(source.handle));
    const accessMode = csiAccessMode(
      source.accessModes[0] ?? "ReadWriteOnce",
      capabilities.has("SINGLE_NODE_MULTI_WRITER"),
    );
    const { namespace = "", name = "", resourceVersion } = claim.metadata ?? {};
    await node.expand(
      {
        volumeId: source.handle,
        volumePath: block ? blockPublishPath(root, uid, source.specName) : publishPath(root, uid, source.specName),
        stagingPath: staged ? staging : "",
        requiredBytes: expansion.requiredBytes,
        capability: block
          ? { accessMode, block }
          : { accessMode, fsType: source.fsType, mountFlags: source.mountOptions },
        secrets: source.expandSecret === undefined ? {} : await deps.objects.secret(source.expandSecret, signal),
      },
      signal,
    );
    const value = { metadata: { resourceVersion }, ...Object(expandedStatus(claim, expansion)) };
    try {
      await deps.client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { type: "merge", value }, signal, {
        subresource: "status",
      });
    } catch (reason) {
      // The claim changed meanwhile, maybe for another pod's sake: the next look decides by what it says then.
      if (hasReason(reason, "Conflict")) return;
      throw reason;
    }
    deps.tell(spec.pod, {
      type: "Normal",
      reason: "FileSystemResizeSuccessful",
      message: `MountVolume.NodeExpandVolume succeeded for volume "${spec.specName}"`,
    });
  }

  async function attempt(
    { pod, specName }: NodeVolumeSpec,
    what: string,
    reason: string,
    work: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await work();
    } catch (failure) {
      if (signal.aborted) return;
      const message = `${what} failed for volume "${specName}" : ${messageOf(failure)}`;
      deps.tell(pod, { type: "Warning", reason, message });
      const status = failure instanceof CsiFailure ? failure.status : undefined;
      deps.log.warn(what, { volume: specName, reason: messageOf(failure), status });
    }
  }

  return async (spec, signal) => {
    if (spec.persistentVolume !== undefined && spec.persistentVolume.spec?.csi === undefined) return;
    const source = csiSourceOf(spec, digest);
    if (source === undefined) return;
    await attempt(spec, "MountVolume.SetUp", "FailedMount", () => republish(spec, source, signal), signal);
    const { persistentVolume, claim } = spec;
    if (persistentVolume === undefined || claim === undefined) return;
    const expansion = neededExpansion(persistentVolume, claim, spec.readOnly);
    if (expansion === undefined || growing.has(spec.id)) return;
    growing.add(spec.id);
    await attempt(
      spec,
      "MountVolume.NodeExpandVolume",
      "VolumeResizeFailed",
      () => grow(spec, source, claim, expansion, signal),
      signal,
    ).finally(() => growing.delete(spec.id));
  };
}
