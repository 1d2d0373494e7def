import type { Pod } from "../../api/types.ts";
import { compareText } from "../../lib/compare-text.ts";
import { inChunks } from "../../lib/in-chunks.ts";
import type { ConflictIndex, VolumeConflicts } from "../selinux/conflict-index.ts";
import type { ConflictProperty } from "../selinux/conflict-rule.ts";
import type { LabelDefaults } from "../selinux/label-defaults.ts";
import type { SeveralLabels } from "../selinux/pod-volumes.ts";
import type { Uncertainty } from "../selinux/uncertainty.ts";
import { type Gate, gateOf } from "./gate.ts";
import { labelledFrom } from "./labelled-from.ts";
import { type ReportedVolume, reportVolume } from "./reported-volume.ts";
import { reportUncertainVolumes, type ReportedUncertainVolume } from "./uncertain-volumes.ts";
import { type OwnerOf, type Workload, workloadOf } from "./workload.ts";

export const REPORT_API_VERSION = "selinux.orlop.dev/v1alpha1";
export const REPORT_KIND = "SELinuxConflictReport";

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
    readonly uncertainVolumes: number;
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
  /** Conflicting and uncertain volumes that are told in detail at most, the largest first; totals stay exact. @default all */
  readonly most?: number;
}

const CHUNK = 64 * 1024;

/** All conflicts, volume by volume, with pods grouped by what a person would change. Largest first. */
export function buildReport(input: ReportInput): ConflictReport {
  const { most = Number.POSITIVE_INFINITY } = input;
  const { summary, volumes } = survey(input);
  return {
    ...summary,
    volumes: volumes.slice(0, most).map((volume) => reportVolume(input, volume)),
    uncertainVolumes: [...first(reportUncertainVolumes(input), most)],
  };
}

/** The same as JSON, in chunks, so that it never exists as a whole. What changes meanwhile may be told as it was or as it is. */
export function reportText(input: ReportInput): Generator<string> {
  return inChunks(partsOf(input), CHUNK);
}

function* partsOf(input: ReportInput): Generator<string> {
  const { summary, volumes } = survey(input);
  yield `${JSON.stringify(summary).slice(0, -1)},"volumes":[`;
  for (const [position, volume] of volumes.entries()) {
    yield `${position === 0 ? "" : ","}${JSON.stringify(reportVolume(input, volume))}`;
  }
  yield '],"uncertainVolumes":[';
  let separator = "";
  for (const volume of reportUncertainVolumes(input)) {
    yield separator + JSON.stringify(volume);
    separator = ",";
  }
  yield "]}";
}

interface Survey {
  readonly summary: Omit<ConflictReport, "volumes" | "uncertainVolumes">;
  /** Largest first. */
  readonly volumes: readonly VolumeConflicts[];
}

/** All but the details, which are most of a large report. */
function survey(input: ReportInput): Survey {
  const { index, problems, namespace } = input;
  const volumes = [...index.volumes()]
    .filter(({ volume }) => namespace === undefined || isUsedIn(index, volume, namespace))
    .toSorted((one, two) => two.conflictingPods - one.conflictingPods || compareText(one.volume, two.volume));
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
  const uncertain = { volumes: 0, later: new Map<Uncertainty, number>() };
  for (const { because, from } of reportUncertainVolumes(input)) {
    uncertain.volumes += 1;
    if (from === "SELinuxMount") uncertain.later.set(because, (uncertain.later.get(because) ?? 0) + 1);
  }
  const later = volumes.filter(({ use }) => labelledFrom(use.accessModes ?? []) === "SELinuxMount");
  const { indexedVolumes, indexedPods } = index.totals();
  return {
    volumes,
    summary: {
      apiVersion: REPORT_API_VERSION,
      kind: REPORT_KIND,
      complete: problems.length === 0,
      problems,
      gate: gateOf({
        problems,
        excludingNow: volumes.length - later.length,
        excludingLater: later.length,
        excludedPods: podsOn(index, later),
        podVolumesWithSeveralLabels: inside.length,
        uncertainVolumes: uncertain.later,
      }),
      totals: {
        volumes: volumes.length,
        pods: podsOn(index, volumes),
        pairs: {
          SELinuxLabel: sum(volumes, ({ pairs }) => pairs.SELinuxLabel),
          SELinuxChangePolicy: sum(volumes, ({ pairs }) => pairs.SELinuxChangePolicy),
        },
        podsWithSeveralLabels: new Set(inside.map(({ pod }) => pod)).size,
        uncertainVolumes: uncertain.volumes,
        indexedVolumes,
        indexedPods,
      },
      podsWithSeveralLabels: inside,
    },
  };
}

function isUsedIn(index: ConflictIndex, volume: string, namespace: string): boolean {
  for (const { pod } of index.membersOf(volume)) if (pod.namespace === namespace) return true;
  return false;
}

/** Pods in conflict on any of these volumes. */
function podsOn(index: ConflictIndex, volumes: readonly VolumeConflicts[]): number {
  const found = new Set<string>();
  for (const { volume } of volumes) for (const uid of index.conflictingMembersOf(volume)) found.add(uid);
  return found.size;
}

function sum(volumes: readonly VolumeConflicts[], of: (volume: VolumeConflicts) => number): number {
  return volumes.reduce((total, volume) => total + of(volume), 0);
}

function* first<T>(all: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const one of all) {
    if (left-- <= 0) return;
    yield one;
  }
}
