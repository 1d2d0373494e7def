import type { Pod } from "../../api/types.ts";
import { type ConflictIndex, createConflictIndex } from "../../core/selinux/conflict-index.ts";
import { conflictMetrics } from "../../core/selinux/conflict-metrics.ts";
import type { LabelDefaults } from "../../core/selinux/label-defaults.ts";
import { CONTEXT_PLUGINS, csiPlugin } from "../../core/selinux/persistent-volume.ts";
import { claimKeysOf, podVolumesOf, type SeveralLabels } from "../../core/selinux/pod-volumes.ts";
import { buildReport, type ConflictReport } from "../../core/selinux-report/report.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { referenceTo } from "../../machinery/event-recorder.ts";
import { CSI_DRIVERS, keyOf, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS } from "../../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { createConflictEvents } from "./conflict-events.ts";
import { createEventWriter } from "./event-writer.ts";
import { keptOfClaim, keptOfDriver, keptOfPersistentVolume, keptOfPod } from "./kept-fields.ts";
import { publishReport } from "./publish-report.ts";
import { createReadableSource, type SourceProblem } from "./readable-source.ts";
import { createSignalledSet } from "./signalled-set.ts";

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
  report(): ConflictReport;
  /** Prometheus text in chunks. @param seriesLimit default 10,000 */
  metrics(seriesLimit?: number): Generator<string>;
}

export const DEFAULT_SERIES_LIMIT = 10_000;
/** Pods worked on before others get a turn. */
const BATCH = 1_000;
/** Pods told at the same time. */
const AT_ONCE = 25;
/** What happens within this time is told together. */
const SETTLE_MS = 1_000;
/** Between looks whether the published report is still right. */
const PUBLISH_MS = 30_000;

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
  const events = createConflictEvents(index, defaults === undefined ? {} : { defaults });
  const writeEvent = createEventWriter({ ...deps, log });
  /** UID of the pod that is indexed under a key: a pod made again under the same name is another one. */
  const indexed = new Map<string, string>();
  const severalLabels = new Map<string, readonly SeveralLabels[]>();
  const toldSeveral = new Set<string>();

  /** Once all that was listed first has been looked at. */
  let caughtUp = false;
  const changedPods = createSignalledSet();
  const changedVolumes = createSignalledSet();
  const podsToTell = createSignalledSet();

  const forget = (key: string): void => {
    const uid = indexed.get(key);
    if (uid === undefined) return;
    index.removePod(uid);
    events.forget(uid);
    indexed.delete(key);
    severalLabels.delete(key);
    toldSeveral.delete(key);
  };

  const evaluate = (key: string): void => {
    const pod = pods.informer.reader.get(key);
    const { uid, namespace = "", name = "" } = pod?.metadata ?? {};
    if (uid !== indexed.get(key)) forget(key);
    if (pod === undefined || uid === undefined) return;
    const found = podVolumesOf(
      pod,
      {
        claim: (claim) => claims.informer.reader.get(claim),
        persistentVolume: (volume) => volumes.informer.reader.get(volume),
      },
      defaults,
    );
    if (found.uses.length === 0 && found.severalLabels.length === 0) {
      forget(key);
      return;
    }
    indexed.set(key, uid);
    if (found.severalLabels.length === 0) severalLabels.delete(key);
    else {
      severalLabels.set(key, found.severalLabels);
      podsToTell.add(key);
    }
    if (index.setPod({ uid, namespace, name }, found.uses)) {
      for (const { volume } of found.uses) changedVolumes.add(volume);
    }
  };

  const evaluateClaim = (key: string): void => {
    for (const pod of podsOfClaim(key)) changedPods.add(keyOf(pod));
  };
  pods.informer.onChange(({ key }) => changedPods.add(key));
  claims.informer.onChange((change) => {
    if (change.type !== "updated" || change.old.spec?.volumeName !== change.object.spec?.volumeName) {
      evaluateClaim(change.key);
    }
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
    for (const volume of index.volumesOfPlugin(plugin)) changedVolumes.add(volume);
    for (const pod of severalLabels.keys()) podsToTell.add(pod);
  });

  /** The volumes of a pod that really need different labels, as their driver mounts with a context. */
  const realSeveralLabels = (key: string): readonly SeveralLabels[] =>
    (severalLabels.get(key) ?? []).filter(({ plugin }) => index.isSupported(plugin));

  const tellPod = async (key: string, signal: AbortSignal): Promise<void> => {
    const uid = indexed.get(key);
    const pod = pods.informer.reader.get(key);
    if (uid === undefined || pod?.metadata?.uid !== uid) return;
    const involvedObject = referenceTo(PODS, pod);
    const several = toldSeveral.has(key) ? [] : realSeveralLabels(key);
    if (several.length > 0) toldSeveral.add(key);
    const inside = several.map(({ podVolume }) => ({
      type: "Warning" as const,
      reason: "MultipleSELinuxLabels",
      message: `Volume "${podVolume}" is mounted twice with different SELinux labels inside this pod`,
      identity: `${uid}/several/${podVolume}`,
    }));
    for (const told of [...inside, ...events.next(uid)]) await writeEvent({ involvedObject, ...told }, signal);
  };

  /** Takes what changed, a batch at a time, so that leases and probes are served in between. */
  const worker = (name: string, work: (signal: AbortSignal) => Promise<void>): Unit => ({
    name,
    async run(signal, ready) {
      ready();
      while (!signal.aborted) {
        try {
          await work(signal);
        } catch (reason) {
          if (!signal.aborted) throw reason;
        }
      }
    },
  });
  const indexing = worker("selinux-warning index", async (signal) => {
    if (changedPods.isEmpty()) caughtUp = true;
    await changedPods.filled(signal);
    for (const key of changedPods.take(BATCH)) evaluate(key);
    await clock.sleep(0, signal);
  });
  const finding = worker("selinux-warning conflicts", async (signal) => {
    await changedVolumes.filled(signal);
    await clock.sleep(SETTLE_MS, signal);
    for (const volume of changedVolumes.take()) {
      if (!index.hasConflict(volume)) continue;
      for (const { pod } of index.membersOf(volume)) podsToTell.add(`${pod.namespace}/${pod.name}`);
    }
  });
  const telling = worker("selinux-warning events", async (signal) => {
    await podsToTell.filled(signal);
    await Promise.all(podsToTell.take(AT_ONCE).map((key) => tellPod(key, signal)));
  });

  const problems = (): readonly SourceProblem[] => {
    const found = sources.flatMap((source) => source.problem() ?? []);
    if (caughtUp || found.some(({ resource }) => resource === "pods")) return found;
    return [...found, { resource: "pods", text: "pods were not all looked at yet" }];
  };
  const view: ConflictView = {
    index,
    problems,
    podsWithSeveralLabels: () =>
      [...severalLabels.keys()].flatMap((key) => {
        const pod = pods.informer.reader.get(key);
        const real = realSeveralLabels(key);
        return pod === undefined || real.length === 0 ? [] : [{ pod, volumes: real }];
      }),
    pod: (key) => pods.informer.reader.get(key),
    report: () =>
      buildReport({
        index,
        pod: view.pod,
        podsWithSeveralLabels: view.podsWithSeveralLabels(),
        problems: problems().map(({ text }) => text),
        ...(defaults !== undefined && { defaults }),
      }),
    metrics: (seriesLimit = DEFAULT_SERIES_LIMIT) =>
      conflictMetrics({
        index,
        seriesLimit,
        podsWithSeveralLabels: [...severalLabels.keys()].filter((key) => realSeveralLabels(key).length > 0).length,
        unreadable: problems().map(({ resource }) => resource),
        ...(defaults !== undefined && { defaults }),
      }),
  };
  let published = "";
  const publishing = (key: string): Unit =>
    worker("selinux-warning report", async (signal) => {
      await clock.sleep(published === "" ? 2 * SETTLE_MS : PUBLISH_MS, signal);
      const [namespace = "", name = ""] = key.split("/");
      const report = view.report();
      const text = JSON.stringify(report);
      if (text === published) return;
      try {
        await publishReport(deps.client, report, { namespace, name }, clock.now(), signal);
        published = text;
      } catch (reason) {
        if (!signal.aborted) log.warn("could not publish the report", { configMap: key, error: messageOf(reason) });
        await clock.sleep(PUBLISH_MS, signal);
      }
    });

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
        [indexing, finding, telling, ...(options.publishTo === undefined ? [] : [publishing(options.publishTo)])],
        "together",
      ),
    ],
    "in-order",
  );
  return { ...group, view };
}
