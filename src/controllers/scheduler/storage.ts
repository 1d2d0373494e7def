import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types.ts";
import { SELECTED_NODE } from "../../core/persistent-volumes/annotations.ts";
import { volumeBoundTo } from "../../core/persistent-volumes/binding.ts";
import { claimKeyOfVolume, freeClassOf } from "../../core/persistent-volumes/claim-and-volume.ts";
import type { VolumePlan } from "../../core/scheduling/place-volumes.ts";
import type { StorageView } from "../../core/scheduling/storage-view.ts";
import { createFreshReader, type FreshReader } from "../../machinery/fresh-reader.ts";

import type { Informers } from "../../machinery/informers.ts";
import {
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from "../../machinery/resources.ts";

/** A plan as it is to be written: volumes with their claim, claims with their node. */
export interface PromisedVolumes {
  readonly volumes: readonly PersistentVolume[];
  /** Keys of the claims that get them. */
  readonly bound: readonly string[];
  readonly provisioned: readonly PersistentVolumeClaim[];
}

/** What the scheduler knows about storage: what informers show, its own writes, and what it has promised. */
export interface SchedulerStorage {
  readonly view: StorageView;
  readonly claims: FreshReader<PersistentVolumeClaim>;
  readonly volumes: FreshReader<PersistentVolume>;
  /** From now on nobody else gets what the plan gives away. */
  promise(plan: VolumePlan, nodeName: string): PromisedVolumes;
  /** What was promised is written by now, or will not be. */
  settle(promised: PromisedVolumes): void;
  /** Something changed that may let a pod go somewhere; not called for changes of claims. */
  onChange(listener: () => void): void;
  onClaimOrVolume(listener: () => void): void;
}

interface Changing {
  onChange(listener: () => void): unknown;
}

export function createSchedulerStorage(informers: Informers): SchedulerStorage {
  const claims = informers.of(PERSISTENT_VOLUME_CLAIMS);
  const volumes = informers.of(PERSISTENT_VOLUMES);
  const classes = informers.of(STORAGE_CLASSES);
  const drivers = informers.of(CSI_DRIVERS);
  const csiNodes = informers.of(CSI_NODES);
  const capacities = informers.of(CSI_STORAGE_CAPACITIES);
  const attachments = informers.of(VOLUME_ATTACHMENTS);
  const freeVolumes = volumes.index(freeClassOf);
  const volumesOfClaim = volumes.index((volume) => [claimKeyOfVolume(volume)]);
  const capacitiesOfClass = capacities.index(({ storageClassName }) => [storageClassName]);
  const attachmentsOfNode = attachments.index(({ spec }) => [spec.nodeName]);
  const freshClaims = createFreshReader(claims);
  const freshVolumes = createFreshReader(volumes);
  const promisedClaims = new Map<string, PersistentVolumeClaim>();
  const promisedVolumes = new Map<string, PersistentVolume>();
  const newest = (volume: PersistentVolume): PersistentVolume =>
    promisedVolumes.get(keyOf(volume)) ?? freshVolumes.newest(volume);

  const tellOf = (some: readonly Changing[], listener: () => void): void => {
    for (const informer of some) informer.onChange(listener);
  };

  return {
    claims: freshClaims,
    volumes: freshVolumes,
    view: {
      claim: (key) => promisedClaims.get(key) ?? freshClaims.get(key),
      volume: (name) => promisedVolumes.get(name) ?? freshVolumes.get(name),
      candidates: (claim, className) =>
        [...new Set([...freeVolumes(className), ...volumesOfClaim(keyOf(claim))])].map(newest),
      storageClass: classes.reader.get,
      csiDriver: drivers.reader.get,
      csiNode: csiNodes.reader.get,
      capacities: capacitiesOfClass,
      attachments: attachmentsOfNode,
    },
    promise({ bindings, provisions }, nodeName) {
      const promised: PromisedVolumes = {
        volumes: bindings.map(({ volume, claim }) => volumeBoundTo(volume, claim)),
        bound: bindings.map(({ claim }) => keyOf(claim)),
        provisioned: provisions.map((claim) => {
          const annotations = { ...claim.metadata?.annotations, [SELECTED_NODE]: nodeName };
          return { ...claim, metadata: { ...claim.metadata, annotations } };
        }),
      };
      for (const volume of promised.volumes) promisedVolumes.set(keyOf(volume), volume);
      for (const claim of promised.provisioned) promisedClaims.set(keyOf(claim), claim);
      return promised;
    },
    settle(promised) {
      for (const volume of promised.volumes) promisedVolumes.delete(keyOf(volume));
      for (const claim of promised.provisioned) promisedClaims.delete(keyOf(claim));
    },
    onChange: (listener) => tellOf([classes, drivers, csiNodes, capacities, attachments], listener),
    onClaimOrVolume: (listener) => tellOf([claims, volumes], listener),
  };
}
