import { MIRROR_POD_ANNOTATION } from "../../api/pod.ts";
import type { PersistentVolume, Pod, VolumeAttachment } from "../../api/types.ts";
import { podReferences, volumeSecrets } from "./pod-references.ts";

/** What a node may be related to. */
export type RelatedKind = "pod" | "secret" | "configmap" | "pvc" | "pv" | "serviceaccount" | "volumeattachment";

/**
 * Which node needs which object: a node needs its pods, what they refer to, the volumes behind their claims and the
 * secrets of those volumes. Each question and each change costs what the one object refers to.
 */
export interface NodeGraph {
  putPod(pod: Pod): void;
  removePod(namespace: string, name: string): void;
  putVolume(volume: PersistentVolume): void;
  removeVolume(name: string): void;
  putAttachment(attachment: VolumeAttachment): void;
  removeAttachment(name: string): void;
  /** `namespace` is "" for cluster-scoped kinds. */
  isRelated(nodeName: string, kind: RelatedKind, namespace: string, name: string): boolean;
}

interface PodEntry {
  readonly nodeName: string;
  readonly references: readonly string[];
}

interface VolumeEntry {
  readonly claim: string;
  readonly secrets: readonly string[];
}

const keyOf = (kind: RelatedKind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

function referencesOf(pod: Pod): readonly string[] {
  const namespace = pod.metadata?.namespace ?? "";
  const own = keyOf("pod", namespace, pod.metadata?.name ?? "");
  // A node makes mirror pods itself, so they must not open anything to it.
  if (pod.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined) return [own];
  const { secrets, configMaps, claims, serviceAccount } = podReferences(pod);
  return [
    own,
    ...[...secrets].map((name) => keyOf("secret", namespace, name)),
    ...[...configMaps].map((name) => keyOf("configmap", namespace, name)),
    ...[...claims].map((name) => keyOf("pvc", namespace, name)),
    ...(serviceAccount === "" ? [] : [keyOf("serviceaccount", namespace, serviceAccount)]),
  ];
}

export function createNodeGraph(): NodeGraph {
  const pods = new Map<string, PodEntry>();
  /** Object -> node -> how many of the node's pods refer to it. */
  const needs = new Map<string, Map<string, number>>();
  const volumes = new Map<string, VolumeEntry>();
  /** Secret -> volumes that need it. */
  const volumesOfSecret = new Map<string, Set<string>>();
  const attachments = new Map<string, string>();

  const count = (key: string, nodeName: string, change: 1 | -1): void => {
    const nodes = needs.get(key) ?? new Map<string, number>();
    const now = (nodes.get(nodeName) ?? 0) + change;
    if (now > 0) nodes.set(nodeName, now);
    else nodes.delete(nodeName);
    if (nodes.size > 0) needs.set(key, nodes);
    else needs.delete(key);
  };

  const removePod: NodeGraph["removePod"] = (namespace, name) => {
    const key = keyOf("pod", namespace, name);
    const entry = pods.get(key);
    if (entry === undefined) return;
    for (const reference of entry.references) count(reference, entry.nodeName, -1);
    pods.delete(key);
  };

  const removeVolume: NodeGraph["removeVolume"] = (name) => {
    for (const secret of volumes.get(name)?.secrets ?? []) {
      const users = volumesOfSecret.get(secret);
      users?.delete(name);
      if (users?.size === 0) volumesOfSecret.delete(secret);
    }
    volumes.delete(name);
  };

  const needed = (nodeName: string, key: string): boolean => needs.get(key)?.has(nodeName) === true;
  const needsVolume = (nodeName: string, name: string): boolean => {
    const entry = volumes.get(name);
    return entry !== undefined && needed(nodeName, entry.claim);
  };

  return {
    putPod(pod) {
      const namespace = pod.metadata?.namespace ?? "";
      const name = pod.metadata?.name ?? "";
      removePod(namespace, name);
      const nodeName = pod.spec?.nodeName ?? "";
      if (nodeName === "") return;
      const references = referencesOf(pod);
      for (const reference of references) count(reference, nodeName, 1);
      pods.set(keyOf("pod", namespace, name), { nodeName, references });
    },

    removePod,

    putVolume(volume) {
      const name = volume.metadata?.name ?? "";
      removeVolume(name);
      const claim = volume.spec?.claimRef;
      if (claim === undefined) return;
      const secrets = volumeSecrets(volume).map(([namespace, secret]) => keyOf("secret", namespace, secret));
      volumes.set(name, { claim: keyOf("pvc", claim.namespace ?? "", claim.name ?? ""), secrets });
      for (const secret of secrets) {
        const users = volumesOfSecret.get(secret) ?? new Set();
        volumesOfSecret.set(secret, users.add(name));
      }
    },

    removeVolume,

    putAttachment(attachment) {
      attachments.set(attachment.metadata?.name ?? "", attachment.spec.nodeName);
    },

    removeAttachment(name) {
      attachments.delete(name);
    },

    isRelated(nodeName, kind, namespace, name) {
      const key = keyOf(kind, namespace, name);
      switch (kind) {
        case "pv":
          return needsVolume(nodeName, name);
        case "volumeattachment":
          return attachments.get(name) === nodeName;
        case "secret":
          return (
            needed(nodeName, key) ||
            [...(volumesOfSecret.get(key) ?? [])].some((volume) => needsVolume(nodeName, volume))
          );
        case "pod":
        case "configmap":
        case "pvc":
        case "serviceaccount":
          return needed(nodeName, key);
      }
    },
  };
}
