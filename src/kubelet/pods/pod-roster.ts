import { isMirrorPod, podIsTerminal } from "../../api/pod.ts";
import type { Node, Pod } from "../../api/types.ts";
import { admitToNode, type Admission } from "../../core/pods/node-admission.ts";
import { qosClassOf } from "../../core/pods/qos-class.ts";
import { timestamp } from "../../core/pods/container-statuses.ts";
import type { Change } from "../../machinery/object-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Life } from "./life.ts";
import type { MirrorPods } from "./mirror-pods.ts";
import { orphanPod } from "./orphan-pod.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodWorker } from "./pod-worker.ts";
import type { FoundPod } from "./runtime-reader.ts";
import type { StatusManager } from "./status-manager.ts";

export interface PodRosterDeps {
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly statuses: StatusManager;
  readonly mirrors: MirrorPods | undefined;
  readonly node: () => Node | undefined;
  readonly admitSysctls: (pod: Pod) => Admission;
  readonly createWorker: (pod: Pod, kind: { readonly isStatic: boolean; readonly orphan: boolean }) => PodWorker;
  /** Static pods or their mirrors may not match any more. */
  readonly mirrorsNeedCare: () => void;
}

/** Who is on the node: gives each pod that should or does run here one worker, and takes it away when all is done. */
export interface PodRoster {
  /** Nobody gets a worker before. */
  begin(life: Life): void;
  get(uid: string): PodWorker | undefined;
  workers(): readonly PodWorker[];
  /** Workers of static pods that are wanted. */
  staticWorkers(): readonly PodWorker[];
  /** A change of the pods bound to this node at the API server, mirrors among them. */
  apiPodChanged(change: Change<Pod>): void;
  /** All static pods there are now. */
  staticPodsAre(pods: readonly Pod[]): void;
  /** Ends a pod that runs and that nobody wants. */
  adoptOrphan(found: FoundPod): void;
}

const NAME_PERIOD_MS = 200;

export function createPodRoster(deps: PodRosterDeps): PodRoster {
  const { clock, events, statuses, mirrors } = deps;
  const workers = new Map<string, PodWorker>();
  /** Static pods that are wanted, by uid. */
  let wanted: ReadonlySet<string> = new Set();
  let life: Life | undefined;

  function start(pod: Pod, kind: { readonly isStatic: boolean; readonly orphan: boolean }): PodWorker {
    const worker = deps.createWorker(pod, kind);
    workers.set(worker.uid, worker);
    void run(worker);
    return worker;
  }

  async function run(worker: PodWorker): Promise<void> {
    if (life === undefined) return;
    const own = life.branch();
    try {
      // A changed static pod has the name of the one it replaces; two of them must not run side by side.
      if (worker.isStatic) await untilNameIsFree(worker, own.signal);
      await worker.run(own.signal);
    } catch {
      // Only the end of the process gets here.
    } finally {
      own.release();
    }
    if (worker.stage() !== "gone" || workers.get(worker.uid) !== worker) return;
    workers.delete(worker.uid);
    statuses.forget(worker.uid);
    if (worker.isStatic) deps.mirrorsNeedCare();
  }

  async function untilNameIsFree(worker: PodWorker, signal: AbortSignal): Promise<void> {
    const { name, namespace } = worker.pod().metadata ?? {};
    const isTaken = (): boolean =>
      [...workers.values()].some((other) => {
        const metadata = other.pod().metadata;
        const namesake = other !== worker && metadata?.name === name && metadata?.namespace === namespace;
        return namesake && (other.stage() === "living" || other.stage() === "ending");
      });
    while (isTaken()) await clock.sleep(NAME_PERIOD_MS, signal);
  }

  function admit(pod: Pod): boolean {
    const node = deps.node();
    // A pod that started before was admitted before; not knowing the node is no reason to turn pods away.
    if (node === undefined || podIsTerminal(pod) || pod.status?.startTime !== undefined) return true;
    if (pod.metadata?.deletionTimestamp !== undefined) return true;
    const others = [...workers.values()].filter((worker) => worker.stage() === "living").map((worker) => worker.pod());
    const sysctls = deps.admitSysctls(pod);
    const verdict = sysctls.admitted ? admitToNode(pod, node, others) : sysctls;
    if (verdict.admitted) return true;
    const { reason, message } = verdict;
    events.record(pod, { type: "Warning", reason, message });
    statuses.set(pod.metadata?.uid ?? "", pod, {
      ...pod.status,
      phase: "Failed",
      reason,
      message: `Pod was rejected: ${message}`,
      qosClass: qosClassOf(pod),
      startTime: timestamp(clock.now()),
    });
    return false;
  }

  function appeared(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    const known = workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      statuses.observe(uid, pod);
      return;
    }
    const told = statuses.get(uid);
    if (told === undefined || !podIsTerminal({ status: told })) {
      if (admit(pod)) start(pod, { isStatic: false, orphan: false });
      return;
    }
    // It was turned away; all that is left to do is to let it go when it is deleted.
    statuses.observe(uid, pod);
    if (pod.metadata?.deletionTimestamp !== undefined) statuses.finish(uid, pod, pod);
  }

  function vanished(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    const worker = workers.get(uid);
    if (worker === undefined) statuses.forget(uid);
    else {
      worker.update(pod);
      worker.abandon();
    }
  }

  function mirrorChanged({ type, object: mirror }: Change<Pod>): void {
    if (type === "deleted") mirrors?.deleted(mirror);
    else mirrors?.observe(mirror);
    const uid = mirror.metadata?.uid;
    for (const worker of staticWorkers()) {
      if (mirrors?.mirrorFor(worker.pod())?.metadata?.uid !== uid) continue;
      statuses.observe(worker.uid, mirror);
      worker.poke();
    }
    deps.mirrorsNeedCare();
  }

  function staticWorkers(): readonly PodWorker[] {
    return [...wanted].flatMap((uid) => workers.get(uid) ?? []);
  }

  return {
    begin(next) {
      life = next;
    },
    get: (uid) => workers.get(uid),
    workers: () => [...workers.values()],
    staticWorkers,
    apiPodChanged(change) {
      const { type, object } = change;
      if (isMirrorPod(object)) {
        mirrorChanged(change);
        return;
      }
      // The same name with another uid: the one before was deleted while nobody watched.
      if (type === "updated" && change.old.metadata?.uid !== object.metadata?.uid) vanished(change.old);
      if (type === "deleted") vanished(object);
      else appeared(object);
    },
    staticPodsAre(pods) {
      const next = new Map(pods.map((pod) => [pod.metadata?.uid ?? "", pod]));
      for (const worker of workers.values()) if (worker.isStatic && !next.has(worker.uid)) worker.abandon();
      wanted = new Set(next.keys());
      for (const [uid, pod] of next) if (!workers.has(uid)) start(pod, { isStatic: true, orphan: false });
      deps.mirrorsNeedCare();
    },
    adoptOrphan(found) {
      if (!workers.has(found.uid)) start(orphanPod(found), { isStatic: false, orphan: true }).abandon();
    },
  };
}
