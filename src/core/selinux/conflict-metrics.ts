import type { ConflictIndex, ConflictPair } from "./conflict-index.ts";
import type { VolumeUse } from "./volume-use.ts";
import { fairShares } from "../../lib/fair-shares.ts";
import { formatLabel, type SELinuxLabel } from "./label.ts";
import { fileLabelText, type LabelDefaults, processLabelText } from "./label-defaults.ts";
import { driverOfPlugin } from "./persistent-volume.ts";
import { countUncertainVolumes } from "./uncertainty.ts";

export interface ConflictMetricsInput {
  readonly index: ConflictIndex;
  readonly defaults?: LabelDefaults;
  /** Pair series shown at most, and series of volumes at most. */
  readonly seriesLimit: number;
  /** Pods whose containers need different labels on a volume. */
  readonly podsWithSeveralLabels: number;
  /** Resources that may not be read or were not read yet, e.g. "persistentvolumes". */
  readonly unreadable: readonly string[];
}

const PREFIX = "selinux_warning_controller_";
const PAIRS = `${PREFIX}selinux_volume_conflict`;
/** Chunks are about so long; the series of one pod are never split. */
const CHUNK = 64 * 1024;

/**
 * Prometheus text of the conflicts, in chunks so that it never exists as a whole. The index may change between chunks: no
 * series is told twice.
 */
export function* conflictMetrics(input: ConflictMetricsInput): Generator<string> {
  const { index, seriesLimit } = input;
  yield totals(input);
  yield* volumeSeries(index, seriesLimit);
  yield* pairSeries(input);
}

function totals({ index, seriesLimit, podsWithSeveralLabels, unreadable }: ConflictMetricsInput): string {
  const { pairs, volumes, pods, indexedVolumes, indexedPods } = index.totals();
  return [
    head(
      "conflicts",
      "Pairs of pods in conflict, counted for each volume they share; exact, whatever series are shown",
    ),
    `${PREFIX}conflicts{property="SELinuxChangePolicy"} ${pairs.SELinuxChangePolicy}\n`,
    `${PREFIX}conflicts{property="SELinuxLabel"} ${pairs.SELinuxLabel}\n`,
    gauge("conflicting_volumes", "Volumes with at least one conflict", volumes),
    gauge("conflicting_pods", "Pods with at least one conflict", pods),
    gauge(
      "pods_with_several_labels",
      "Pods whose containers need different labels on one volume",
      podsWithSeveralLabels,
    ),
    gauge(
      "uncertain_volumes",
      "Volumes of which kubelets make different things, whether in conflict or not",
      countUncertainVolumes(index),
    ),
    gauge("indexed_volumes", "Volumes looked at", indexedVolumes),
    gauge("indexed_pods", "Pods looked at", indexedPods),
    gauge("pair_series_limit", `Series of ${PAIRS} shown at most, 0 for no limit`, finite(seriesLimit)),
    head("unreadable_resource", "Resources that could not be read: what is shown is incomplete"),
    ...unreadable.map((resource) => `${PREFIX}unreadable_resource{resource="${escape(resource)}"} 1\n`),
    gauge("complete", "1 when all that conflicts are found from could be read", unreadable.length === 0 ? 1 : 0),
  ].join("");
}

function finite(limit: number): number {
  return Number.isFinite(limit) ? limit : 0;
}

function* volumeSeries(index: ConflictIndex, limit: number): Generator<string> {
  let chunk = head("volume_conflicting_pods", "Pods in conflict on a volume, by the claims that stand for it");
  let left = limit;
  for (const found of index.volumes()) {
    const { plugin, conflictingPods } = found;
    const driver = escape(driverOfPlugin(plugin) ?? plugin);
    const claims = found.hasSeveralClaims
      ? new Set([...index.membersOf(found.volume)].map(({ use }) => claimLabels(use)))
      : [claimLabels(found.use)];
    for (const claim of claims) {
      if (left-- <= 0) break;
      chunk += `${PREFIX}volume_conflicting_pods{driver="${driver}",${claim}} ${conflictingPods}\n`;
    }
    if (left <= 0) break;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}

function claimLabels({ volume, claim, persistentVolume = "" }: VolumeUse): string {
  const { namespace = "", name = "" } = claim ?? {};
  return `namespace="${namespace}",persistentvolume="${persistentVolume}",persistentvolumeclaim="${name}",volume="${escape(volume)}"`;
}

/** All series of one pod come in one piece, so that none is doubled by a change in between. */
function* pairSeries({ index, defaults, seriesLimit }: ConflictMetricsInput): Generator<string> {
  let chunk = `# HELP ${PAIRS} [ALPHA] Conflict between two Pods using the same volume\n# TYPE ${PAIRS} gauge\n`;
  const texts = createLabelTexts(defaults);
  for (const [uid, share] of podShares(index, seriesLimit)) {
    chunk += seriesOf(index, uid, share, texts);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}

function seriesOf(index: ConflictIndex, uid: string, most: number, texts: LabelTexts): string {
  // Only over several volumes can a pod have the same conflict with the same other pod twice.
  const told = [...index.usesOf(uid)].length > 1 ? new Set<string>() : undefined;
  let series = "";
  let count = 0;
  for (const pair of index.conflictsOf(uid)) {
    if (count >= most) break;
    const text = line(pair, texts);
    if (told?.has(text) === true) continue;
    told?.add(text);
    series += text;
    count += 1;
  }
  return series;
}

/** The pods in conflict with how many of their conflicts may be shown: every pod some, as far as the limit goes. */
function podShares(index: ConflictIndex, limit: number): readonly (readonly [string, number])[] {
  const uids = firstOf(index.podsInConflict(), limit);
  if (limit === Number.POSITIVE_INFINITY) return uids.map((uid) => [uid, limit]);
  if (uids.length === limit) return uids.map((uid) => [uid, 1]);
  const wanted = uids.map((uid) => {
    const { SELinuxLabel, SELinuxChangePolicy } = index.conflictCountsOf(uid);
    return SELinuxLabel + SELinuxChangePolicy;
  });
  const shares = fairShares(wanted, limit);
  return uids.map((uid, position) => [uid, shares[position] ?? 0]);
}

function firstOf(uids: Iterable<string>, most: number): readonly string[] {
  const found: string[] = [];
  for (const uid of uids) {
    if (found.length >= most) break;
    found.push(uid);
  }
  return found;
}

function line({ property, pod, other, value, otherValue, label, otherLabel }: ConflictPair, texts: LabelTexts): string {
  let one = value;
  let two = otherValue;
  if (property === "SELinuxLabel") {
    one = texts.file(label);
    two = texts.file(otherLabel);
    // Role and type do not reach the files: where only they differ, only the processes' labels tell the two apart.
    if (one === two) {
      one = texts.process(label);
      two = texts.process(otherLabel);
    }
  }
  return `${PAIRS}{pod1_name="${pod.name}",pod1_namespace="${pod.namespace}",pod1_value="${one}",pod2_name="${other.name}",pod2_namespace="${other.namespace}",pod2_value="${two}",property="${property}"} 1\n`;
}

interface LabelTexts {
  file(label: SELinuxLabel): string;
  process(label: SELinuxLabel): string;
}

/** Escaped texts of labels, each made once for a scrape: members of a group share their label. */
function createLabelTexts(defaults: LabelDefaults | undefined): LabelTexts {
  const once = (text: (label: SELinuxLabel, defaults?: LabelDefaults) => string) => {
    const known = new WeakMap<SELinuxLabel, string>();
    return (label: SELinuxLabel): string => {
      const before = known.get(label);
      if (before !== undefined) return before;
      const made = escape(defaults === undefined ? formatLabel(label) : text(label, defaults));
      known.set(label, made);
      return made;
    };
  };
  return { file: once(fileLabelText), process: once(processLabelText) };
}

function head(name: string, help: string): string {
  return `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} gauge\n`;
}

function gauge(name: string, help: string, value: number): string {
  return `${head(name, help)}${PREFIX}${name} ${value}\n`;
}

function escape(value: string): string {
  if (!/["\\\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
