import type { Node, PersistentVolume, Pod, VolumeAttachment } from "../../api/types.ts";
import {
  type AttachableVolume,
  attachableVolumeOf,
  inlineVolumesOf,
  isDoneWithVolumes,
  isSharable,
} from "../../core/attachments/attachable-volume.ts";
import { decideAttachments, multiAttachText, type NodeUse } from "../../core/attachments/decide-attachments.ts";
import { claimKeyOfVolume, isFullyBound } from "../../core/persistent-volumes/claim-and-volume.ts";
import { claimKeysOfPod } from "../../core/persistent-volumes/claims-of-pod.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { type Action, createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import {
  CSI_DRIVERS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  VOLUME_ATTACHMENTS,
} from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createAttachments } from "./attachments.ts";
import { createNodeReports } from "./node-reports.ts";

const MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach";
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";
const VOLUME = "volume:";
const NODE = "node:";
/** An external attacher that has not answered for so long is told about. */
const ATTACH_TIMEOUT_MS = 120_000;

/**
 * Has volumes attached to the nodes of their pods, by VolumeAttachment objects that external attachers act on, tells nodes
 * in `status.volumesAttached`, and takes volumes back when no pod needs them and the node has let go. Everything it decides
 * from is in the API; it remembers only what is under way.
 */
export function createAttachDetachController(deps: ControllerDeps): Unit {
  const { client, informers, clock, digest } = deps;
  const events = deps.events.for("attachdetach-controller");
  const pods = informers.of(PODS);
  const nodes = informers.of(NODES);
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const drivers = informers.of(CSI_DRIVERS);
  const watched = informers.of(VOLUME_ATTACHMENTS);
  const podsOfClaim = pods.index(claimKeysOfPod);
  const podsWithInline = pods.index(inlineVolumesOf);
  const volumesNamed = volumes.index((volume) => [attachableVolumeOf(volume)?.name ?? ""]);
  const nodesTold = nodes.index(({ status }) => (status?.volumesAttached ?? []).map(({ name }) => name));
  const attachments = createAttachments(client, watched, digest);
  const reports = createNodeReports(client);
  /** When nodes were first seen to have a volume that no pod there needs, by volume and node. */
  const unusedSince = new Map<string, ReadonlyMap<string, number>>();
  /** Volumes of in-tree plugins that are being reported to a node, by node. */
  const inTree = new Map<string, Set<string>>();
  /** Nodes whose pods were told that another node has a volume, by volume. */
  const refused = new Map<string, ReadonlySet<string>>();

  const isAttached = (node: string, name: string): boolean =>
    nodes.reader.get(node)?.status?.volumesAttached?.some((volume) => volume.name === name) === true ||
    inTree.get(node)?.has(name) === true;

  const needsAttaching = ({ csi }: AttachableVolume): boolean =>
    csi === undefined || drivers.reader.get(csi.driver)?.spec.attachRequired !== false;

  /** Pods that need a volume, by node; only those on nodes that leave attaching to this controller. */
  const podsByNode = (name: string): ReadonlyMap<string, readonly Pod[]> => {
    const found = new Map<string, readonly Pod[]>();
    const users = [
      ...volumesNamed(name).flatMap((volume) => usersOf(volume)),
      ...(name.startsWith("kubernetes.io/csi/") ? [] : podsWithInline(name)),
    ];
    for (const pod of new Set(users)) {
      const node = pod.spec?.nodeName ?? "";
      if (node === "" || isDoneWithVolumes(pod) || !isManaged(nodes.reader.get(node))) continue;
      found.set(node, [...(found.get(node) ?? []), pod]);
    }
    return found;
  };

  const usersOf = (volume: PersistentVolume): readonly Pod[] => {
    const key = claimKeyOfVolume(volume);
    const claim = claims.reader.get(key);
    const isTheirs = claim !== undefined && isFullyBound(claim) && claim.spec?.volumeName === volume.metadata?.name;
    return isTheirs ? podsOfClaim(key) : [];
  };

  const useOf = (
    node: string,
    name: string,
    users: readonly Pod[],
    attachment: VolumeAttachment | undefined,
    isCsi: boolean,
  ): NodeUse => {
    const object = nodes.reader.get(node);
    const state = isCsi ? stateOf(attachment) : isAttached(node, name) ? "attached" : "none";
    const since = unusedSince.get(name)?.get(node);
    return {
      node,
      pods: users,
      attachment: state,
      // A node that is gone can not say that it let go.
      isMounted: object === undefined || (object.status?.volumesInUse ?? []).includes(name),
      health: healthOf(object),
      unusedMs: since === undefined || users.length > 0 ? 0 : clock.monotonic() - since,
    };
  };

  /** Keeps what is remembered of a volume to the nodes that have or want it. */
  const remember = (name: string, uses: readonly NodeUse[], refusing: ReadonlySet<string>): void => {
    const before = unusedSince.get(name);
    const idle = uses
      .filter(({ pods: users, attachment }) => users.length === 0 && attachment !== "none")
      .map(({ node }) => [node, before?.get(node) ?? clock.monotonic()] as const);
    if (idle.length > 0) unusedSince.set(name, new Map(idle));
    else unusedSince.delete(name);
    if (refusing.size > 0) refused.set(name, refusing);
    else refused.delete(name);
    const known = new Set(uses.map(({ node }) => node));
    for (const node of reports.nodesOf(name)) if (!known.has(node)) reports.forget(node, name);
  };

  const tellPods = (some: readonly Pod[], type: "Normal" | "Warning", reason: string, message: string): void => {
    for (const pod of some) events.record({ involvedObject: referenceTo(PODS, pod), type, reason, message });
  };

  const reconcileVolume = async (name: string, signal: AbortSignal): Promise<Action> => {
    const known = volumesNamed(name);
    const [first] = known;
    const attachable = (first && attachableVolumeOf(first)) ?? { name };
    const { csi } = attachable;
    if (csi === undefined && name.startsWith("kubernetes.io/csi/")) return "await-change";
    const volumeNames = known.map(({ metadata }) => metadata?.name ?? "");
    const wanted = needsAttaching(attachable) ? podsByNode(name) : new Map<string, readonly Pod[]>();
    const existing = csi === undefined ? [] : await attachments.ofVolumes(volumeNames, signal);
    const byNode = new Map(existing.map((attachment) => [attachment.spec.nodeName, attachment]));
    const told = csi === undefined ? nodesTold(name).map(({ metadata }) => metadata?.name ?? "") : [];
    const reporting = csi === undefined ? [...inTree].filter(([, its]) => its.has(name)).map(([node]) => node) : [];
    const everywhere = new Set([...wanted.keys(), ...byNode.keys(), ...told, ...reporting]);
    const uses = [...everywhere].map((node) =>
      useOf(node, name, wanted.get(node) ?? [], byNode.get(node), csi !== undefined),
    );
    const volumeName = volumeNames[0] ?? name;
    const decisions = decideAttachments(uses, first === undefined || isSharable(first));
    const toldBefore = refused.get(name);
    remember(name, uses, new Set(decisions.filter((each) => each.do === "refuse").map(({ node }) => node)));
    let next = Number.POSITIVE_INFINITY;
    for (const decision of decisions) {
      const { node } = decision;
      if (decision.do !== "detach" && reports.withdrawal(node, name) !== undefined) {
        reports.forget(node, name);
        loop.enqueue(NODE + node);
      }
      switch (decision.do) {
        case "attach":
          if (csi !== undefined) await attachments.create({ ...csi, volumeName, node }, signal);
          else report(node, name);
          next = Math.min(next, ATTACH_TIMEOUT_MS);
          break;
        case "detach":
          await detach(name, node, decision.isForced, byNode.get(node), signal);
          break;
        case "await-unmount":
          next = Math.min(next, decision.forceInMs ?? next);
          break;
        case "refuse":
          if (toldBefore?.has(node) !== true) {
            for (const pod of wanted.get(node) ?? []) {
              const text = multiAttachText(volumeName, pod, decision.heldBy);
              tellPods([pod], "Warning", "FailedAttachVolume", text);
            }
          }
          break;
        case "nothing":
          if (decision.because === "under-way") {
            next = Math.min(next, untilTimeout(volumeName, byNode.get(node), wanted.get(node) ?? []));
          }
          break;
      }
    }
    return Number.isFinite(next) ? { requeueAfterMs: next } : "await-change";
  };

  /** Tells when an external attacher is late, and once more for each time that passes again. */
  const untilTimeout = (volumeName: string, attachment: VolumeAttachment | undefined, some: readonly Pod[]): number => {
    const waited = clock.now() - Date.parse(attachment?.metadata?.creationTimestamp ?? "");
    if (attachment === undefined || !(waited >= ATTACH_TIMEOUT_MS)) return ATTACH_TIMEOUT_MS - (waited || 0);
    const { attacher } = attachment.spec;
    const why = `timed out waiting for external-attacher of ${attacher} CSI driver to attach volume ${volumeName}`;
    tellPods(some, "Warning", "FailedAttachVolume", `AttachVolume.Attach failed for volume "${volumeName}" : ${why}`);
    return ATTACH_TIMEOUT_MS;
  };

  const report = (node: string, name: string): void => {
    inTree.set(node, (inTree.get(node) ?? new Set()).add(name));
    loop.enqueue(NODE + node);
  };

  const detach = async (
    name: string,
    node: string,
    isForced: boolean,
    attachment: VolumeAttachment | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    if (reports.withdrawal(node, name) !== "withdrawn") {
      reports.withdraw(node, name, isForced);
      loop.enqueue(NODE + node);
      return;
    }
    if (attachment !== undefined) await attachments.delete(attachment, signal);
    // The withdrawal is forgotten when the node is seen not to have it, else an old look would have it reported again.
    if (inTree.get(node)?.delete(name) === true) loop.enqueue(VOLUME + name);
  };

  const attachedTo = (node: Node): readonly string[] => {
    const name = node.metadata?.name ?? "";
    const told = (node.status?.volumesAttached ?? []).map((volume) => volume.name);
    const inTreeTold = told.filter((volume) => !volume.startsWith("kubernetes.io/csi/"));
    const csi = attachments.ofNode(name).flatMap((attachment) => {
      if (stateOf(attachment) !== "attached") return [];
      return nameOf(attachment) ?? [];
    });
    return [...new Set([...inTreeTold, ...(inTree.get(name) ?? []), ...csi])];
  };

  const reconcileNode = async (name: string, signal: AbortSignal): Promise<Action> => {
    const node = nodes.reader.get(name);
    const changed = node === undefined ? reports.nodeGone(name) : await reports.report(node, attachedTo(node), signal);
    for (const volume of changed) loop.enqueue(VOLUME + volume);
    return "await-change";
  };

  const nameOf = ({ spec }: VolumeAttachment): string | undefined => {
    const volume = volumes.reader.get(spec.source.persistentVolumeName ?? "");
    return volume === undefined ? undefined : attachableVolumeOf(volume)?.name;
  };

  const loop = createReconcileLoop(deps, {
    name: "persistentvolume-attach-detach-controller",
    reconcile: (key, signal) =>
      key.startsWith(VOLUME)
        ? reconcileVolume(key.slice(VOLUME.length), signal)
        : reconcileNode(key.slice(NODE.length), signal),
  });

  const enqueueVolume = (volume: PersistentVolume | undefined): void => {
    const name = volume === undefined ? undefined : attachableVolumeOf(volume)?.name;
    if (name !== undefined) loop.enqueue(VOLUME + name);
  };
  const enqueueClaim = (key: string): void => {
    enqueueVolume(volumes.reader.get(claims.reader.get(key)?.spec?.volumeName ?? ""));
  };
  pods.onChange(({ object }) => {
    if ((object.spec?.nodeName ?? "") === "") return;
    for (const key of claimKeysOfPod(object)) enqueueClaim(key);
    for (const name of inlineVolumesOf(object)) loop.enqueue(VOLUME + name);
  });
  claims.onChange(({ key }) => enqueueClaim(key));
  volumes.onChange(({ object }) => enqueueVolume(object));
  drivers.onChange(({ key }) => {
    for (const volume of volumes.reader.list()) {
      if (attachableVolumeOf(volume)?.csi?.driver === key) enqueueVolume(volume);
    }
  });
  nodes.onChange((change) => {
    const { key, object } = change;
    const { volumesInUse = [], volumesAttached = [] } = object.status ?? {};
    if (change.type === "updated" && storageView(change.old) === storageView(object)) return;
    loop.enqueue(NODE + key);
    for (const { name } of volumesAttached) loop.enqueue(VOLUME + name);
    for (const name of volumesInUse) loop.enqueue(VOLUME + name);
    const before = change.type === "updated" ? change.old.status : undefined;
    for (const name of before?.volumesInUse ?? []) loop.enqueue(VOLUME + name);
    for (const { name } of before?.volumesAttached ?? []) loop.enqueue(VOLUME + name);
    for (const attachment of attachments.ofNode(key)) {
      enqueueVolume(volumes.reader.get(attachment.spec.source.persistentVolumeName ?? ""));
    }
  });
  watched.onChange((change) => {
    const { object } = change;
    const { nodeName, source } = object.spec;
    const name = nameOf(object);
    if (name !== undefined) {
      if (change.type === "deleted") reports.forget(nodeName, name);
      loop.enqueue(VOLUME + name);
    }
    loop.enqueue(NODE + nodeName);
    if (change.type !== "updated" || name === undefined) return;
    const { old } = change;
    const users = podsByNode(name).get(nodeName) ?? [];
    const subject = `for volume "${source.persistentVolumeName ?? ""}"`;
    if (object.status?.attached === true && old.status?.attached !== true) {
      tellPods(users, "Normal", "SuccessfulAttachVolume", `AttachVolume.Attach succeeded ${subject}`);
    }
    const error = object.status?.attachError;
    if (error !== undefined && JSON.stringify(error) !== JSON.stringify(old.status?.attachError)) {
      const text = `AttachVolume.Attach failed ${subject} : ${error.message ?? ""}`;
      tellPods(users, "Warning", "FailedAttachVolume", text);
    }
  });
  return loop;
}

function stateOf(attachment: VolumeAttachment | undefined): NodeUse["attachment"] {
  if (attachment === undefined) return "none";
  if (attachment.metadata?.deletionTimestamp !== undefined) return "detaching";
  return attachment.status?.attached === true ? "attached" : "attaching";
}

function isManaged(node: Node | undefined): boolean {
  return node?.metadata?.annotations?.[MANAGED] === "true";
}

function healthOf(node: Node | undefined): NodeUse["health"] {
  if (node?.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) === true) return "out-of-service";
  const isReady = node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  return isReady === true ? "ready" : "unreachable";
}

/** Of a node, all that matters to its volumes. */
function storageView(node: Node): string {
  const { volumesInUse, volumesAttached } = node.status ?? {};
  return JSON.stringify([isManaged(node), healthOf(node), volumesInUse, volumesAttached]);
}
