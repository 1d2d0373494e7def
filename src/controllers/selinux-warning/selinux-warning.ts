import type { PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { type ConflictIndex, createConflictIndex } from "../../core/selinux/conflict-index.ts";
import { conflictMetrics } from "../../core/selinux/conflict-metrics.ts";
import type { LabelDefaults } from "../../core/selinux/label-defaults.ts";
import { CONTEXT_PLUGINS, csiPlugin } from "../../core/selinux/persistent-volume.ts";
import { claimKeysOf, type SeveralLabels } from "../../core/selinux/pod-volumes.ts";
import { buildReport, type ReportInput, reportText } from "../../core/selinux-report/report.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { CSI_DRIVERS, keyOf, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS } from "../../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createConflictEvents } from "./conflict-events.ts";
import { createEventWriter } from "./event-writer.ts";
import { keptOfClaim, keptOfDriver, keptOfPersistentVolume, keptOfPod } from "./kept-fields.ts";
import { createPodEvaluation } from "./pod-evaluation.ts";
import { createReportPublishing } from "./report-publishing.ts";
import { createReadableSource, type SourceProblem } from "./readable-source.ts";
import { createSignalledSet } from "./signalled-set.ts";
import { whoToTell } from "./who-to-tell.ts";
import { createWorker } from "./worker.ts";

export interface SELinuxWarningOptions {
  /** What the nodes fill into labels; with it full labels are shown. */
  readonly defaults?: LabelDefaults;
  /** "namespace/name" of a ConfigMap to keep the report in, for clusters without Prometheus. */
  readonly publishTo?: string;
}

/** What the controller knows at the moment. */
export interface ConflictView {
  readonly index: ConflictIndex;
  /** Why not everything may be known; empty when it is. */
  problems(): readonly SourceProblem[];
  /** Pods whose containers need different labels on one volume whose driver mounts with a context. */
  podsWithSeveralLabels(): readonly { readonly pod: Pod; readonly volumes: readonly SeveralLabels[] }[];
  pod(key: string): Pod | undefined;
  /**
   * The report as JSON in chunks: of a large cluster it is larger than all that is known of it.
   *
   * @param namespace only conflicts in which its pods take part
   */
  reportText(namespace?: string): Generator<string>;
  /** Prometheus text in chunks. @param seriesLimit default 10,000 */
  metrics(seriesLimit?: number): Generator<string>;
}

export const DEFAULT_SERIES_LIMIT = 10_000;
/** More do not fit into a ConfigMap. */
const PUBLISHED_VOLUMES = 1_000;
/** Pods worked on before others get a turn. */
const BATCH = 1_000;
/** Pods told at the same time. */
const AT_ONCE = 25;
/** What happens within this time is told together. */
const SETTLE_MS = 1_000;

/**
 * Finds pods that could not share their volumes on one node once volumes are mounted with SELinux labels, and tells so by
 * events and metrics (KEP-1710). Keeps a trimmed copy of its own of what it watches, and goes on with what it may read.
 */
export function createSELinuxWarningController(
  deps: ControllerDeps,
  options: SELinuxWarningOptions = {},
): Unit & { readonly view: ConflictView } {
  const { clock } = deps;
  const { defaults } = options;
  const log = deps.log.with({ controller: "selinux-warning-controller" });
  const pods = createReadableSource(deps, { resource: PODS, keep: keptOfPod });
  const claims = createReadableSource(deps, { resource: PERSISTENT_VOLUME_CLAIMS, keep: keptOfClaim });
  const volumes = createReadableSource(deps, { resource: PERSISTENT_VOLUMES, keep: keptOfPersistentVolume });
  const drivers = createReadableSource(deps, { resource: CSI_DRIVERS, keep: keptOfDriver });
  const sources = [drivers, volumes, claims, pods];
  const podsOfClaim = pods.informer.index(claimKeysOf);

  const index = createConflictIndex();
  for (const plugin of CONTEXT_PLUGINS) index.setPluginSupport(plugin, true);
  const evaluation = createPodEvaluation({
    index,
    pods: pods.informer.reader,
    claims: claims.informer.reader,
    volumes: volumes.informer.reader,
    ...(defaults !== undefined && { defaults }),
  });
  const events = createConflictEvents(index, defaults === undefined ? {} : { defaults });
  const writeEvent = createEventWriter({ ...deps, log });
  const toldSeveral = new Set<string>();

  /** Once all that was listed first has been looked at. */
  let caughtUp = false;
  const changedPods = createSignalledSet();
  /** Pods that use other volumes than before, or in another way. */
  const newUsers = createSignalledSet();
  const podsToTell = createSignalledSet();

  const forgetTold = (key: string, uid: string): void => {
    events.forget(uid);
    toldSeveral.delete(key);
  };

  const evaluate = (key: string): void => {
    const { forgotten, changed } = evaluation.evaluate(key);
    if (forgotten !== undefined) forgetTold(key, forgotten);
    if (changed) newUsers.add(key);
  };

  const evaluateClaim = (key: string): void => {
    for (const pod of podsOfClaim(key)) changedPods.add(keyOf(pod));
  };
  pods.informer.onChange(({ key }) => changedPods.add(key));
  claims.informer.onChange((change) => {
    if (change.type === "updated" && isSameBinding(change.old, change.object)) return;
    evaluateClaim(change.key);
  });
  volumes.informer.onChange((change) => {
    for (const { spec } of change.type === "updated" ? [change.old, change.object] : [change.object]) {
      const { namespace = "", name = "" } = spec?.claimRef ?? {};
      if (name !== "") evaluateClaim(`${namespace}/${name}`);
    }
  });
  drivers.informer.onChange(({ type, key, object }) => {
    const plugin = csiPlugin(key);
    if (!index.setPluginSupport(plugin, type !== "deleted" && object.spec.seLinuxMount === true)) return;
    for (const volume of index.volumesOfPlugin(plugin)) {
      if (!index.hasConflict(volume)) continue;
      for (const { pod } of index.membersOf(volume)) newUsers.add(`${pod.namespace}/${pod.name}`);
    }
    for (const pod of evaluation.podsWithSeveralLabels()) newUsers.add(pod);
  });

  const tellPod = async (key: string, signal: AbortSignal): Promise<void> => {
    const uid = evaluation.uidOf(key);
    const pod = pods.informer.reader.get(key);
    if (uid === undefined || pod?.metadata?.uid !== uid) return;
    const involvedObject = referenceTo(PODS, pod);
    const several = toldSeveral.has(key) ? [] : evaluation.severalLabelsOf(key);
    if (several.length > 0) toldSeveral.add(key);
    const inside = several.map(({ podVolume }) => ({
      type: "Warning" as const,
      reason: "MultipleSELinuxLabels",
      message: `Volume "${podVolume}" is mounted twice with different SELinux labels inside this pod`,
      identity: `${uid}/several/${podVolume}`,
    }));
    for (const told of [...inside, ...events.next(uid)]) {
      if (await writeEvent({ involvedObject, ...told }, signal)) continue;
      // Later all over again: events have names, so none is doubled.
      forgetTold(key, uid);
      podsToTell.add(key);
      return;
    }
  };

  // In batches, so that leases and probes are served in between.
  const indexing = createWorker("selinux-warning index", async (signal) => {
    if (changedPods.isEmpty()) caughtUp = true;
    await changedPods.filled(signal);
    for (const key of changedPods.take(BATCH)) evaluate(key);
    await clock.sleep(0, signal);
  });
  const meeting = createWorker("selinux-warning conflicts", async (signal) => {
    await newUsers.filled(signal);
    do await clock.sleep(SETTLE_MS, signal);
    while (!caughtUp);
    const uids = newUsers.take().flatMap((key) => evaluation.uidOf(key) ?? []);
    for (const uid of whoToTell(index, uids)) {
      const { namespace, name } = index.pod(uid) ?? {};
      if (name !== undefined) podsToTell.add(`${namespace}/${name}`);
    }
  });
  const telling = createWorker("selinux-warning events", async (signal) => {
    await podsToTell.filled(signal);
    await Promise.all(podsToTell.take(AT_ONCE).map((key) => tellPod(key, signal)));
  });

  const problems = (): readonly SourceProblem[] => {
    const found = sources.flatMap((source) => source.problem() ?? []);
    const senseless = [...evaluation.unreadable()].map((text) => ({ resource: "pods", text }));
    const isLooking = !caughtUp && !found.some(({ resource }) => resource === "pods");
    return [
      ...found,
      ...senseless.slice(0, 1),
      ...(isLooking ? [{ resource: "pods", text: "pods were not all looked at yet" }] : []),
    ];
  };
  const withSeveralLabels = (): readonly string[] =>
    [...evaluation.podsWithSeveralLabels()].filter((key) => evaluation.severalLabelsOf(key).length > 0);
  const reportInput = (): ReportInput => ({
    index,
    pod: view.pod,
    podsWithSeveralLabels: view.podsWithSeveralLabels(),
    problems: problems().map(({ text }) => text),
    ...(defaults !== undefined && { defaults }),
  });
  const view: ConflictView = {
    index,
    problems,
    podsWithSeveralLabels: () =>
      withSeveralLabels().flatMap((key) => {
        const pod = pods.informer.reader.get(key);
        return pod === undefined ? [] : [{ pod, volumes: evaluation.severalLabelsOf(key) }];
      }),
    pod: (key) => pods.informer.reader.get(key),
    reportText: (namespace) => reportText({ ...reportInput(), ...(namespace !== undefined && { namespace }) }),
    metrics: (seriesLimit = DEFAULT_SERIES_LIMIT) =>
      conflictMetrics({
        index,
        seriesLimit,
        podsWithSeveralLabels: withSeveralLabels().length,
        unreadable: [...new Set(problems().map(({ resource }) => resource))],
        ...(defaults !== undefined && { defaults }),
      }),
  };
  const verdict = (): string =>
    [index.volumes().next().done, withSeveralLabels().length > 0, ...problems().map(({ text }) => text)].join();
  const [namespace = "", name = ""] = options.publishTo?.split("/") ?? [];
  const publishing = createReportPublishing(
    { ...deps, log },
    {
      where: { namespace, name },
      report: () => buildReport({ ...reportInput(), most: PUBLISHED_VOLUMES }),
      verdict,
      isSettled: () => caughtUp,
    },
  );

  const group = createUnitGroup(
    "selinux-warning-controller",
    [
      createUnitGroup(
        "selinux-warning sources",
        sources.map(({ unit }) => unit),
        "together",
      ),
      createUnitGroup(
        "selinux-warning workers",
        [indexing, meeting, telling, ...(options.publishTo === undefined ? [] : [publishing])],
        "together",
      ),
    ],
    "in-order",
  );
  return { ...group, view };
}

/** A claim that was deleted and made again while nobody watched comes as an update. */
function isSameBinding(one: PersistentVolumeClaim, other: PersistentVolumeClaim): boolean {
  return one.spec?.volumeName === other.spec?.volumeName && one.metadata?.uid === other.metadata?.uid;
}
