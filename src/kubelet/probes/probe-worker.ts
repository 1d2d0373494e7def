import { isSidecar, isTerminalPhase } from "../../api/pod.ts";
import type { Container, ContainerStatus, Pod, PodStatus, Probe } from "../../api/types.ts";
import type { ProbeVerdict } from "../../core/pods/container-kill.ts";
import { restartsAfterExit } from "../../core/pods/restart-policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PodEvents } from "../pods/pod-events.ts";
import { PROBE_NAMES, type ProbeKind } from "./probe-kind.ts";
import type { ProbeRunner } from "./probe-runner.ts";

export interface ProbeWorkerDeps {
  readonly clock: Clock;
  readonly runner: ProbeRunner;
  readonly events: PodEvents;
  /** Newest object and status of the pod; undefined while there is none. */
  readonly lookUp: () => { readonly pod: Pod; readonly status: PodStatus } | undefined;
  readonly setVerdict: (containerId: string, verdict: Exclude<ProbeVerdict, undefined>) => void;
  readonly forgetVerdict: (containerId: string) => void;
  /** One try that learnt something, for metrics. */
  readonly observe: (result: "successful" | "failed", seconds: number) => void;
  /** Resolves early when the probe is to run at once. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const INITIAL_VERDICT = { startup: undefined, liveness: "success", readiness: "failure" } as const;

/** Probes one container in one way until its pod is over. Rejects only when aborted. */
export async function runProbeWorker(
  deps: ProbeWorkerDeps,
  container: Container,
  kind: ProbeKind,
  probe: Probe,
  options: {
    /** Wait this long before the first try, so that probes of many containers do not fire together after a restart. */
    readonly firstDelayMs: number;
    /** A container whose verdict is set already. */
    readonly knownContainer?: string;
  },
  signal: AbortSignal,
): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  /** The container the counters below are about. */
  let current = options.knownContainer ?? "";
  let onHold = false;
  let lastResult: "success" | "failure" | undefined;
  let run = 0;

  /** @returns whether to go on */
  async function tryOnce(): Promise<boolean> {
    const found = deps.lookUp();
    if (found === undefined) return true;
    const { pod, status } = found;
    if (isTerminalPhase(status.phase)) return false;
    const state = statusOf(status, container.name);
    const id = state?.containerID?.replace(/^[^:]*:\/\//u, "") ?? "";
    if (state === undefined || id === "") return true;
    if (id !== current) {
      if (current !== "") deps.forgetVerdict(current);
      current = id;
      onHold = false;
      lastResult = undefined;
      run = 0;
      const initial = INITIAL_VERDICT[kind];
      if (initial !== undefined) deps.setVerdict(id, initial);
    }
    if (onHold) return true;
    if (state.state?.running === undefined) {
      deps.setVerdict(id, "failure");
      const ended = state.state?.terminated;
      return ended === undefined || isSidecar(container) || restartsAfterExit(container, pod, ended.exitCode);
    }
    if (pod.metadata?.deletionTimestamp !== undefined && kind !== "readiness") {
      deps.setVerdict(id, "success");
      return false;
    }
    const ageSeconds = Math.floor((deps.clock.now() - Date.parse(state.state.running.startedAt ?? "")) / 1000);
    if (ageSeconds < (probe.initialDelaySeconds ?? 0)) return true;
    // The startup probe goes first, and once.
    if ((state.started === true) === (kind === "startup")) return true;

    const podIp = status.podIP ?? "";
    const begun = deps.clock.monotonic();
    const outcome = await deps.runner.run(probe, { pod, container, containerId: id, podIp }, signal);
    const say = (reason: string, message: string): void =>
      deps.events.record(pod, { type: "Warning", reason, message, container: container.name });
    const name = PROBE_NAMES[kind];
    if (outcome.result === "error") {
      say("Unhealthy", `${name} probe errored and resulted in unknown state: ${outcome.output}`);
      return true;
    }
    if (outcome.result === "warning") say("ProbeWarning", `${name} probe warning: ${outcome.output}`);
    if (outcome.result === "failure") say("Unhealthy", `${name} probe failed: ${outcome.output}`);
    const result = outcome.result === "failure" ? "failure" : "success";
    deps.observe(result === "failure" ? "failed" : "successful", (deps.clock.monotonic() - begun) / 1_000);
    run = result === lastResult ? run + 1 : 1;
    lastResult = result;
    const needed = result === "failure" ? (probe.failureThreshold ?? 3) : (probe.successThreshold ?? 1);
    if (run < needed) return true;
    deps.setVerdict(id, result);
    // The container is about to be killed, or has started: nothing more to learn from this one.
    if (kind === "startup" || (kind === "liveness" && result === "failure")) {
      onHold = true;
      run = 0;
    }
    return true;
  }

  try {
    if (options.firstDelayMs > 0) await deps.clock.sleep(options.firstDelayMs, signal);
    while (await tryOnce()) await deps.wait(periodMs, signal);
  } finally {
    if (current !== "" && !signal.aborted) deps.forgetVerdict(current);
  }
}

function statusOf(status: PodStatus, name: string): ContainerStatus | undefined {
  return [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].find(
    (candidate) => candidate.name === name,
  );
}
