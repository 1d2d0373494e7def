import type { VolumeAttachment } from "../../api/types.ts";
import { attachmentName } from "../../core/csi/csi-source.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { Informer } from "../../machinery/informer.ts";
import { keyOf, VOLUME_ATTACHMENTS } from "../../machinery/resources.ts";

export interface WantedAttachment {
  readonly volumeName: string;
  readonly driver: string;
  readonly handle: string;
  readonly node: string;
}

/** VolumeAttachments as they are, those that were made a moment ago and are not watched yet included. */
export interface Attachments {
  /** Of the persistent volumes, with every node. */
  ofVolumes(volumeNames: readonly string[], signal: AbortSignal): Promise<readonly VolumeAttachment[]>;
  ofNode(node: string): readonly VolumeAttachment[];
  /** Does nothing when it is there. */
  create(wanted: WantedAttachment, signal: AbortSignal): Promise<void>;
  /** Does nothing when it is gone. */
  delete(attachment: VolumeAttachment, signal: AbortSignal): Promise<void>;
}

export function createAttachments(
  client: ClusterClient,
  informer: Informer<VolumeAttachment>,
  digest: (text: string) => string,
): Attachments {
  const ofVolume = informer.index(({ spec }) => [spec.source.persistentVolumeName ?? ""]);
  const ofNode = informer.index(({ spec }) => [spec.nodeName]);
  const made = new Map<string, VolumeAttachment>();
  informer.onChange(({ key }) => made.delete(key));

  /** What was made and is still not watched: the server knows whether it is there. */
  const unseen = async (volumeNames: readonly string[], signal: AbortSignal): Promise<readonly VolumeAttachment[]> => {
    const found: VolumeAttachment[] = [];
    for (const [name, attachment] of made) {
      if (!volumeNames.includes(attachment.spec.source.persistentVolumeName ?? "")) continue;
      const live = await client.get(VOLUME_ATTACHMENTS, { name }, signal).catch((reason: unknown) => {
        if (hasReason(reason, "NotFound")) return undefined;
        throw reason;
      });
      if (live === undefined) made.delete(name);
      else if (informer.reader.get(name) === undefined) found.push(live);
    }
    return found;
  };

  return {
    ofVolumes: async (volumeNames, signal) => {
      const late = await unseen(volumeNames, signal);
      return [...volumeNames.flatMap(ofVolume), ...late];
    },
    ofNode,
    async create({ volumeName, driver, handle, node }, signal) {
      const name = attachmentName({ handle, driver }, node, digest);
      const spec = { attacher: driver, nodeName: node, source: { persistentVolumeName: volumeName } };
      try {
        const created = await client.create(VOLUME_ATTACHMENTS, { metadata: { name }, spec }, signal);
        if (informer.reader.get(name) === undefined) made.set(keyOf(created), created);
      } catch (reason) {
        if (!hasReason(reason, "AlreadyExists")) throw reason;
      }
    },
    async delete({ metadata }, signal) {
      const { name = "", uid } = metadata ?? {};
      await client
        .delete(VOLUME_ATTACHMENTS, { name }, signal, { ...(uid !== undefined && { preconditions: { uid } }) })
        .catch((reason: unknown) => {
          if (!hasReason(reason, "NotFound", "Conflict")) throw reason;
        });
    },
  };
}
