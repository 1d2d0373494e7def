import type { Pod } from "../../api/types.ts";
import type { ConflictIndex, VolumeConflicts } from "../selinux/conflict-index.ts";
import { type ConflictProperty, effectiveLabelling } from "../selinux/conflict-rule.ts";
import { type LabelDefaults, processLabelText } from "../selinux/label-defaults.ts";
import { driverOfPlugin } from "../selinux/persistent-volume.ts";
import type { SeveralLabels } from "../selinux/pod-volumes.ts";
import type { RecursiveReason } from "../selinux/volume-demand.ts";
import { adviceFor } from "./advice.ts";
import { type Gate, gateOf } from "./gate.ts";
import { type LabelledFrom, labelledFrom } from "./labelled-from.ts";
import { reportUncertainVolumes, type ReportedUncertainVolume } from "./uncertain-volumes.ts";
import { type OwnerOf, type Workload, workloadKey, workloadOf } from "./workload.ts";

export const REPORT_API_VERSION = "selinux.orlop.dev/v1alpha1";
export const REPORT_KIND = "SELinuxConflictReport";

/** Pods of one workload that want the same of one volume. */
export interface ReportedWorkload extends Workload {
  readonly policy: "MountOption" | "Recursive";
  /** Of the processes; "" where the volume is relabelled recursively. */
  readonly label: string;
  readonly because?: RecursiveReason;
  readonly pods: number;
  /** Some of the pods' names, the first ones. */
  readonly examples: readonly string[];
}

export interface ReportedVolume {
  readonly volume: string;
  readonly driver: string;
  readonly persistentVolumes: readonly string[];
  /** "namespace/name" */
  readonly claims: readonly string[];
  readonly accessModes: readonly string[];
  readonly from: LabelledFrom;
  readonly pods: number;
  readonly conflictingPods: number;
  readonly pairs: Readonly<Record<ConflictProperty, number>>;
  readonly workloads: readonly ReportedWorkload[];
  readonly advice: string;
}

/** A pod that can not start by itself: its containers need different labels on one volume. */
export interface ReportedPod {
  readonly workload: Workload;
  readonly pod: string;
  readonly podVolume: string;
  readonly labels: readonly string[];
}

export interface ConflictReport {
  readonly apiVersion: typeof REPORT_API_VERSION;
  readonly kind: typeof REPORT_KIND;
  /** False when something could not be read: then no conflict found does not mean that there is none. */
  readonly complete: boolean;
  readonly problems: readonly string[];
  readonly gate: Gate;
  readonly totals: {
    readonly volumes: number;
    readonly pods: number;
    readonly pairs: Readonly<Record<ConflictProperty, number>>;
    readonly podsWithSeveralLabels: number;
    readonly indexedVolumes: number;
    readonly indexedPods: number;
  };
  readonly volumes: readonly ReportedVolume[];
  readonly podsWithSeveralLabels: readonly ReportedPod[];
  readonly uncertainVolumes: readonly ReportedUncertainVolume[];
}

export interface ReportInput {
  readonly index: ConflictIndex;
  /** @param key "namespace/name" */
  readonly pod: (key: string) => Pod | undefined;
  readonly podsWithSeveralLabels: readonly { readonly pod: Pod; readonly volumes: readonly SeveralLabels[] }[];
  readonly problems: readonly string[];
  readonly ownerOf?: OwnerOf;
  readonly defaults?: LabelDefaults;
  /** Only conflicts in which pods of this namespace take part. What was looked at stays all. */
  readonly namespace?: string;
}

const EXAMPLES = 3;

/** All conflicts, volume by volume, with pods grouped by what a person would change. Largest first. */
export function buildReport(input: ReportInput): ConflictReport {
  const { index, problems, namespace } = input;
  const volumes = [...index.volumes()]
    .map((volume) => reportVolume(input, volume))
    .filter(({ workloads }) => namespace === undefined || workloads.some((one) => one.namespace === namespace))
    .toSorted((one, two) => two.conflictingPods - one.conflictingPods || compare(one.volume, two.volume));
  const inside = input.podsWithSeveralLabels
    .filter(({ pod }) => namespace === undefined || pod.metadata?.namespace === namespace)
    .flatMap(({ pod, volumes: several }) =>
      several.map(({ podVolume, labels }) => ({
        workload: workloadOf(pod, input.ownerOf),
        pod: `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`,
        podVolume,
        labels,
      })),
    );
  const uncertainVolumes = reportUncertainVolumes(input);
  const { indexedVolumes, indexedPods } = index.totals();
  const later = volumes.filter(({ from }) => from === "SELinuxMount");
  return {
    apiVersion: REPORT_API_VERSION,
    kind: REPORT_KIND,
    complete: problems.length === 0,
    problems,
    gate: gateOf({
      problems,
      volumes,
      excludedPods: podsOn(index, later),
      podsWithSeveralLabels: inside,
      uncertainVolumes,
    }),
    totals: {
      volumes: volumes.length,
      pods: podsOn(index, volumes),
      pairs: {
        SELinuxLabel: sum(volumes, ({ pairs }) => pairs.SELinuxLabel),
        SELinuxChangePolicy: sum(volumes, ({ pairs }) => pairs.SELinuxChangePolicy),
      },
      podsWithSeveralLabels: new Set(inside.map(({ pod }) => pod)).size,
      indexedVolumes,
      indexedPods,
    },
    volumes,
    podsWithSeveralLabels: inside,
    uncertainVolumes,
  };
}

/** Pods in conflict on any of these volumes. */
function podsOn(index: ConflictIndex, volumes: readonly ReportedVolume[]): number {
  return new Set(volumes.flatMap(({ volume }) => [...index.conflictingMembersOf(volume)])).size;
}

function sum(volumes: readonly ReportedVolume[], of: (volume: ReportedVolume) => number): number {
  return volumes.reduce((total, volume) => total + of(volume), 0);
}

function reportVolume(input: ReportInput, conflicts: VolumeConflicts): ReportedVolume {
  const { index, ownerOf, defaults } = input;
  const claims = new Set<string>();
  const persistentVolumes = new Set<string>();
  let accessModes: readonly string[] = [];
  const groups = new Map<string, Omit<ReportedWorkload, "pods" | "examples"> & { pods: number; examples: string[] }>();
  for (const { pod, use } of index.membersOf(conflicts.volume)) {
    if (use.claim !== undefined) claims.add(`${use.claim.namespace}/${use.claim.name}`);
    if (use.persistentVolume !== undefined) persistentVolumes.add(use.persistentVolume);
    accessModes = use.accessModes ?? accessModes;
    const { policy, label } = effectiveLabelling(use);
    const text = processLabelText(label, defaults);
    const object = input.pod(`${pod.namespace}/${pod.name}`) ?? { metadata: pod };
    const workload = workloadOf(object, ownerOf);
    const key = [workloadKey(workload), policy, text, use.because ?? ""].join("\0");
    const group = groups.get(key) ?? {
      ...workload,
      policy,
      label: text,
      ...(use.because !== undefined && { because: use.because }),
      pods: 0,
      examples: [],
    };
    group.pods += 1;
    if (group.examples.length < EXAMPLES) group.examples.push(pod.name);
    groups.set(key, group);
  }
  const workloads = [...groups.values()].toSorted(
    (one, two) => two.pods - one.pods || compare(workloadKey(one), workloadKey(two)) || compare(one.label, two.label),
  );
  return {
    volume: conflicts.volume,
    driver: driverOfPlugin(conflicts.plugin) ?? conflicts.plugin,
    persistentVolumes: [...persistentVolumes].toSorted(),
    claims: [...claims].toSorted(),
    accessModes,
    from: labelledFrom(accessModes),
    pods: conflicts.pods,
    conflictingPods: conflicts.conflictingPods,
    pairs: conflicts.pairs,
    workloads,
    advice: adviceFor(workloads),
  };
}

function compare(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
