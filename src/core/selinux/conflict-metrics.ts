import type { ConflictIndex, ConflictPair, VolumeUse } from "./conflict-index.ts";
import { formatLabel, type SELinuxLabel } from "./label.ts";
import { fileLabelText, type LabelDefaults, processLabelText } from "./label-defaults.ts";
import { driverOfPlugin } from "./persistent-volume.ts";

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
/** Chunks are about so long; one pod's conflicts on one volume are never split. */
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
  for (const { volume, plugin, conflictingPods } of index.volumes()) {
    const driver = escape(driverOfPlugin(plugin) ?? plugin);
    const claims = new Set<string>();
    let last: VolumeUse | undefined;
    for (const { use } of index.membersOf(volume)) {
      // Nearly always all pods come by one claim.
      if (isSameClaim(last, use)) continue;
      last = use;
      const { namespace = "", name = "" } = use.claim ?? {};
      claims.add(
        `namespace="${namespace}",persistentvolume="${use.persistentVolume ?? ""}",persistentvolumeclaim="${name}",volume="${escape(volume)}"`,
      );
    }
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

function isSameClaim(one: VolumeUse | undefined, { claim, persistentVolume }: VolumeUse): boolean {
  return (
    one !== undefined &&
    one.persistentVolume === persistentVolume &&
    one.claim?.namespace === claim?.namespace &&
    one.claim?.name === claim?.name
  );
}

function* pairSeries({ index, defaults, seriesLimit }: ConflictMetricsInput): Generator<string> {
  let chunk = `# HELP ${PAIRS} [ALPHA] Conflict between two Pods using the same volume\n# TYPE ${PAIRS} gauge\n`;
  const texts = createLabelTexts(defaults);
  for (const batch of index.pairBatches(seriesLimit)) {
    for (const pair of batch) chunk += line(pair, texts);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
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
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
