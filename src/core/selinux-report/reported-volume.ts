import type { VolumeConflicts } from "../selinux/conflict-index.ts";
import { type ConflictProperty, effectiveLabelling } from "../selinux/conflict-rule.ts";
import { processLabelText } from "../selinux/label-defaults.ts";
import { driverOfPlugin } from "../selinux/persistent-volume.ts";
import type { RecursiveReason } from "../selinux/volume-demand.ts";
import { compareText } from "../../lib/compare-text.ts";
import { adviceFor } from "./advice.ts";
import { type LabelledFrom, labelledFrom } from "./labelled-from.ts";
import type { ReportInput } from "./report.ts";
import { type Workload, workloadKey, workloadOf } from "./workload.ts";

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

const EXAMPLES = 3;

/** One volume with a conflict, its pods grouped by what a person would change. */
export function reportVolume(input: ReportInput, conflicts: VolumeConflicts): ReportedVolume {
  const { index, ownerOf, defaults } = input;
  const claims = new Set<string>();
  const persistentVolumes = new Set<string>();
  const { accessModes = [] } = conflicts.use;
  const groups = new Map<string, Omit<ReportedWorkload, "pods" | "examples"> & { pods: number; examples: string[] }>();
  for (const { pod, use } of index.membersOf(conflicts.volume)) {
    if (use.claim !== undefined) claims.add(`${use.claim.namespace}/${use.claim.name}`);
    if (use.persistentVolume !== undefined) persistentVolumes.add(use.persistentVolume);
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
    (one, two) =>
      two.pods - one.pods || compareText(workloadKey(one), workloadKey(two)) || compareText(one.label, two.label),
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
