import { defaultStorageClassOf } from "../../api/default-storage-class.ts";
import { podIsTerminal } from "../../api/pod.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { BETA_STORAGE_PROVISIONER, STORAGE_PROVISIONER } from "../../core/persistent-volumes/annotations.ts";
import {
  claimBoundTo,
  claimWithBoundStatus,
  claimWithoutVolume,
  volumeBoundTo,
  volumeInPhase,
  volumeWithoutClaim,
} from "../../core/persistent-volumes/binding.ts";
import {
  claimKeyOfVolume,
  classOfClaim,
  classOfVolume,
  freeClassOf,
  isFullyBound,
} from "../../core/persistent-volumes/claim-and-volume.ts";
import { claimKeysOfPod } from "../../core/persistent-volumes/claims-of-pod.ts";
import { type BindingEvent, type ClaimSurroundings, decideClaim } from "../../core/persistent-volumes/decide-claim.ts";
import { decideVolume, isGivenUp, type VolumeDecision } from "../../core/persistent-volumes/decide-volume.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { createFreshReader } from "../../machinery/fresh-reader.ts";
import { type Action, createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import {
  keyOf,
  parseKey,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
} from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createObjectWriter } from "./object-writer.ts";

/** How often a claim without a volume is told about, and looked at again; upstream's period. */
const WAITING_MS = 15_000;
/** Volumes are often made together: claims that wait see all of them before they choose. */
const SETTLE_MS = 1_000;
const CLAIM = "claim:";
const VOLUME = "volume:";

/**
 * Binds claims to volumes, asks provisioners for volumes that are missing, and gives up volumes whose claim is gone. It
 * works on one object at a time: a volume that two claims fit is given away once, and what it wrote it remembers until the
 * watch shows it.
 */
export function createPersistentVolumeBinder(deps: ControllerDeps): Unit {
  const { client, informers, clock } = deps;
  const log = deps.log.with({ controller: "persistentvolume-binder-controller" });
  const events = deps.events.for("persistentvolume-controller");
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const classes = informers.of(STORAGE_CLASSES);
  const podsOfClaim = informers.of(PODS).index(claimKeysOfPod);
  const freeVolumes = volumes.index(freeClassOf);
  const volumesOfClaim = volumes.index((volume) => [claimKeyOfVolume(volume)]);
  const waitingOfClass = claims.index((claim) => (isFullyBound(claim) ? [] : [classOfClaim(claim)]));
  const claimsOfVolume = claims.index(({ spec }) => [spec?.volumeName ?? ""]);
  const freshClaims = createFreshReader(claims);
  const freshVolumes = createFreshReader(volumes);
  const claimWriter = createObjectWriter(client, PERSISTENT_VOLUME_CLAIMS, freshClaims);
  const volumeWriter = createObjectWriter(client, PERSISTENT_VOLUMES, freshVolumes);
  /** What was last said of a claim that waits, so that it is not said again with every change around it. */
  const said = new Map<string, { readonly text: string; readonly at: number }>();

  const around: ClaimSurroundings = {
    volume: freshVolumes.get,
    candidates: (claim, className) =>
      [...new Set([...freeVolumes(className), ...volumesOfClaim(keyOf(claim))])].map(freshVolumes.newest),
    storageClass: classes.reader.get,
    defaultClass: () => defaultStorageClassOf(classes.reader.list()),
    podsWithoutNode: (claim) =>
      podsOfClaim(keyOf(claim))
        .filter(isWithoutNode)
        .map(({ metadata }) => metadata?.name ?? ""),
  };

  const tellOfClaim = (claim: PersistentVolumeClaim, event: BindingEvent): void =>
    events.record({ involvedObject: referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), ...event });
  const tellOfVolume = (volume: PersistentVolume, event: BindingEvent): void =>
    events.record({ involvedObject: referenceTo(PERSISTENT_VOLUMES, volume), ...event });

  const tellOfWaiting = (key: string, claim: PersistentVolumeClaim, event: BindingEvent): void => {
    const text = `${event.reason} ${event.message}`;
    const last = said.get(key);
    const now = clock.monotonic();
    if (last?.text === text && now - last.at < WAITING_MS) return;
    said.set(key, { text, at: now });
    tellOfClaim(claim, event);
  };

  const bind = async (claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void> => {
    const reserved = await volumeWriter.update(volume, volumeBoundTo(volume, claim), signal);
    const bound = await volumeWriter.updateStatus(reserved, volumeInPhase(reserved, "Bound"), signal);
    const named = await claimWriter.update(claim, claimBoundTo(claim, bound.metadata?.name ?? ""), signal);
    await claimWriter.updateStatus(named, claimWithBoundStatus(named, bound), signal);
  };

  const provision = async (claim: PersistentVolumeClaim, provisioner: string, signal: AbortSignal): Promise<void> => {
    if (claim.metadata?.annotations?.[STORAGE_PROVISIONER] === provisioner) return;
    const annotations = {
      ...claim.metadata?.annotations,
      [BETA_STORAGE_PROVISIONER]: provisioner,
      [STORAGE_PROVISIONER]: provisioner,
    };
    await claimWriter.update(claim, { ...claim, metadata: { ...claim.metadata, annotations } }, signal);
  };

  const reconcileClaim = async (key: string, signal: AbortSignal): Promise<Action> => {
    const claim = freshClaims.get(key);
    if (claim === undefined) {
      said.delete(key);
      return "await-change";
    }
    const decision = decideClaim(claim, around);
    switch (decision.do) {
      case "bind":
        said.delete(key);
        await bind(claim, decision.volume, signal);
        return "await-change";
      case "wait":
        if (decision.event !== undefined) tellOfWaiting(key, claim, decision.event);
        await claimWriter.updateStatus(claim, claimWithoutVolume(claim, "Pending"), signal);
        return { requeueAfterMs: WAITING_MS };
      case "assign-class": {
        const spec = { ...claim.spec, storageClassName: decision.className };
        await claimWriter.update(claim, { ...claim, spec }, signal);
        return "await-change";
      }
      case "provision":
        await provision(claim, decision.provisioner, signal);
        tellOfWaiting(key, claim, decision.event);
        return { requeueAfterMs: WAITING_MS };
      case "lose": {
        const lost = claimWithoutVolume(claim, "Lost");
        if (claim.status?.phase !== "Lost") tellOfClaim(claim, decision.event);
        await claimWriter.updateStatus(claim, lost, signal);
        return "await-change";
      }
    }
  };

  /** The claim a volume was bound to, by UID. Only the server's word counts for one that would be released. */
  const claimOf = async (volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> => {
    const uid = volume.spec?.claimRef?.uid ?? "";
    const key = claimKeyOfVolume(volume);
    if (uid === "") return undefined;
    const known = freshClaims.get(key);
    if (known?.metadata?.uid === uid) return known;
    if (known === undefined && isGivenUp(volume)) return undefined;
    const live = await client.get(PERSISTENT_VOLUME_CLAIMS, parseKey(key), signal).catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return undefined;
      throw reason;
    });
    return live?.metadata?.uid === uid ? live : undefined;
  };

  const release = async (
    volume: PersistentVolume,
    { reclaim }: Extract<VolumeDecision, { do: "release" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    // What failed before stays so for the user to see.
    const released = isGivenUp(volume)
      ? volume
      : await volumeWriter.updateStatus(volume, volumeInPhase(volume, "Released"), signal);
    if (reclaim.do !== "fail" || released.status?.phase === "Failed") return;
    const failed = volumeInPhase(released, "Failed", reclaim.event.message);
    tellOfVolume(await volumeWriter.updateStatus(released, failed, signal), reclaim.event);
  };

  const reconcileVolume = async (name: string, signal: AbortSignal): Promise<Action> => {
    const volume = freshVolumes.get(name);
    if (volume === undefined) return "await-change";
    const claim = await claimOf(volume, signal);
    const decision = decideVolume(volume, claim);
    switch (decision.do) {
      case "set-phase":
        await volumeWriter.updateStatus(volume, volumeInPhase(volume, decision.phase), signal);
        break;
      case "await-claim":
        loop.enqueue(CLAIM + claimKeyOfVolume(volume));
        break;
      case "complain":
        tellOfVolume(volume, decision.event);
        if (claim !== undefined) tellOfClaim(claim, decision.claimEvent);
        break;
      case "unbind": {
        const free = await volumeWriter.update(volume, volumeWithoutClaim(volume), signal);
        await volumeWriter.updateStatus(free, volumeInPhase(free, "Available"), signal);
        break;
      }
      case "release":
        log.info("the claim of a volume is gone", { volume: name, reclaim: decision.reclaim.do });
        await release(volume, decision, signal);
        break;
    }
    return "await-change";
  };

  const loop = createReconcileLoop(deps, {
    name: "persistentvolume-binder-controller",
    concurrency: 1,
    reconcile: (key, signal) =>
      key.startsWith(CLAIM)
        ? reconcileClaim(key.slice(CLAIM.length), signal)
        : reconcileVolume(key.slice(VOLUME.length), signal),
  });

  const enqueueClaims = (some: readonly PersistentVolumeClaim[], afterMs = 0): void => {
    for (const claim of some) loop.enqueueAfter(CLAIM + keyOf(claim), afterMs);
  };
  claims.onChange(({ key, object }) => {
    loop.enqueue(CLAIM + key);
    const volume = object.spec?.volumeName ?? "";
    if (volume !== "") loop.enqueue(VOLUME + volume);
    for (const { metadata } of volumesOfClaim(key)) loop.enqueue(VOLUME + (metadata?.name ?? ""));
  });
  volumes.onChange(({ type, key, object }) => {
    if (type !== "deleted") loop.enqueue(VOLUME + key);
    const claim = claimKeyOfVolume(object);
    if (claim !== "") loop.enqueue(CLAIM + claim);
    enqueueClaims(claimsOfVolume(key));
    // A free volume may be what others of its class wait for.
    if (claim === "" && object.status?.phase === "Available") {
      enqueueClaims(waitingOfClass(classOfVolume(object)), SETTLE_MS);
    }
  });
  classes.onChange(({ key }) => {
    enqueueClaims(waitingOfClass(key));
    enqueueClaims(waitingOfClass(""));
  });
  return loop;
}

function isWithoutNode(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") === "" && !podIsTerminal(pod);
}
