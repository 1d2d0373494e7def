import type { Pod, PodStatus } from "../../api/types.ts";
import type { ProbeVerdict, ProbeVerdicts } from "../../core/pods/container-kill.ts";
import type { ProbeStates } from "../../core/pods/pod-status.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { PodEvents } from "../pods/pod-events.ts";
import { PROBE_KINDS, type ProbeKind, probedContainers, probeOf } from "./probe-kind.ts";
import type { ProbeRunner } from "./probe-runner.ts";
import { runProbeWorker } from "./probe-worker.ts";

/** Probes the containers of this node and remembers what they say. Answers come from memory. */
export interface ProbeManager {
  readonly verdicts: ProbeVerdicts;
  statesOf(podUid: string): ProbeStates;
  /** Begins to probe what the pod asks for. Cheap to repeat. */
  add(pod: Pod, life: AbortSignal): void;
  /** The pod is being ended: only its readiness still matters. */
  stopLivenessAndStartup(podUid: string): void;
  remove(podUid: string): void;
  /** Called with the pod's uid whenever a verdict changes. Set once, before anything is added. */
  onChange(listener: (podUid: string) => void): void;
}

/** Which probe of which container, for metrics. */
export interface ProbedContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly kind: ProbeKind;
}

export interface ObserveProbes {
  /** One try. Those that learnt nothing about the container are not told. */
  probed(container: ProbedContainer, result: "successful" | "failed", seconds: number): void;
  /** There will be no more tries. */
  ended(container: ProbedContainer): void;
}

export interface ProbeManagerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: ProbeRunner;
  readonly events: PodEvents;
  readonly log: Log;
  readonly lookUp: (podUid: string) => { readonly pod: Pod; readonly status: PodStatus } | undefined;
  readonly observe?: ObserveProbes;
}

interface Worker {
  readonly podUid: string;
  readonly container: string;
  readonly kind: ProbeKind;
  readonly stop: () => void;
  readonly trigger: () => void;
  /** Ids of containers with a verdict; at most the newest and the one before. */
  readonly seen: Set<string>;
}

/** Id of a container that the status says has passed this probe. */
function seedOf(pod: Pod, container: string, kind: ProbeKind): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
  if (status?.state?.running === undefined) return undefined;
  const passed = { startup: status.started === true, readiness: status.ready, liveness: true }[kind];
  return passed ? status.containerID?.replace(/^[^:]*:\/\//u, "") : undefined;
}

export function createProbeManager(deps: ProbeManagerDeps): ProbeManager {
  const { clock } = deps;
  const startedAt = clock.now();
  const workers = new Map<string, Worker>();
  const verdicts: Record<ProbeKind, Map<string, Exclude<ProbeVerdict, undefined>>> = {
    startup: new Map(),
    liveness: new Map(),
    readiness: new Map(),
  };
  let changed: (podUid: string) => void = () => undefined;

  const keyOf = (podUid: string, container: string, kind: ProbeKind): string => `${podUid}/${container}/${kind}`;

  function start(pod: Pod, container: ReturnType<typeof probedContainers>[number], kind: ProbeKind, life: AbortSignal) {
    const podUid = pod.metadata?.uid ?? "";
    const probe = probeOf(container, kind);
    const key = keyOf(podUid, container.name, kind);
    if (probe === undefined || workers.has(key)) return;
    const own = linkAbort(life);
    let wake = (): void => undefined;
    const worker: Worker = {
      podUid,
      container: container.name,
      kind,
      stop: () => own.abort(),
      trigger: () => wake(),
      seen: new Set(),
    };
    workers.set(key, worker);
    const { signal } = own;
    const { name: podName = "", namespace = "" } = pod.metadata ?? {};
    const probed: ProbedContainer = { namespace, pod: podName, podUid, container: container.name, kind };
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const spread = clock.now() - startedAt < periodMs ? deps.random.fraction() * periodMs : 0;
    const adopted = pod.status?.phase === "Running";
    const seed = seedOf(pod, container.name, kind);
    if (seed !== undefined) {
      // What was well before this kubelet started is not made unready for want of a first answer.
      worker.seen.add(seed);
      verdicts[kind].set(seed, "success");
    }
    void runProbeWorker(
      {
        clock,
        runner: deps.runner,
        events: deps.events,
        lookUp: () => deps.lookUp(podUid),
        setVerdict(id, verdict) {
          worker.seen.add(id);
          if (verdicts[kind].get(id) === verdict) return;
          verdicts[kind].set(id, verdict);
          changed(podUid);
        },
        observe: (result, seconds) => deps.observe?.probed(probed, result, seconds),
        forgetVerdict(id) {
          worker.seen.delete(id);
          verdicts[kind].delete(id);
        },
        async wait(milliseconds, outer) {
          const early = linkAbort(outer);
          wake = () => early.abort();
          await clock.sleep(milliseconds, early.signal).catch(() => outer.throwIfAborted());
          early.release();
        },
      },
      container,
      kind,
      probe,
      { firstDelayMs: adopted ? spread : 0, ...(seed !== undefined && { knownContainer: seed }) },
      signal,
    )
      .catch((failure: unknown) => {
        if (!signal.aborted) deps.log.error("A probe stopped working", { podUid, container: container.name, failure });
      })
      .finally(() => {
        own.release();
        deps.observe?.ended(probed);
        if (workers.get(key) === worker) workers.delete(key);
        for (const id of worker.seen) verdicts[kind].delete(id);
      });
  }

  const stopWhere = (matches: (worker: Worker) => boolean): void => {
    for (const [key, worker] of workers) {
      if (!matches(worker)) continue;
      worker.stop();
      workers.delete(key);
    }
  };

  return {
    verdicts: {
      liveness: (id) => verdicts.liveness.get(id),
      startup: (id) => verdicts.startup.get(id),
    },
    statesOf(podUid) {
      const bare = (id: string): string => id.replace(/^[^:]*:\/\//u, "");
      return {
        isStarted(container, id) {
          const verdict = verdicts.startup.get(bare(id));
          if (verdict !== undefined) return verdict === "success";
          return !workers.has(keyOf(podUid, container, "startup"));
        },
        isReady(container, id) {
          const verdict = verdicts.readiness.get(bare(id));
          if (verdict === "success") return true;
          const worker = workers.get(keyOf(podUid, container, "readiness"));
          // A container that has just come up is asked at once instead of at the next period.
          if (verdict === undefined) worker?.trigger();
          return worker === undefined;
        },
      };
    },
    add(pod, life) {
      for (const container of probedContainers(pod)) for (const kind of PROBE_KINDS) start(pod, container, kind, life);
    },
    stopLivenessAndStartup(podUid) {
      stopWhere((worker) => worker.podUid === podUid && worker.kind !== "readiness");
    },
    remove(podUid) {
      stopWhere((worker) => worker.podUid === podUid);
    },
    onChange(listener) {
      changed = listener;
    },
  };
}
