import type { ContainerStatus, Pod, PodStatus } from "../../api/types.ts";
import { findContainer } from "../../core/pods/containers.ts";
import { newestAttempt } from "../../core/pods/pod-runtime.ts";
import type { PodContainer, PodDirectory } from "../pod-directory.ts";
import { containerLogPath, podLogDirectory } from "./log-paths.ts";
import type { PodWorker } from "./pod-worker.ts";

export interface PodDirectoryDeps {
  readonly workers: () => readonly PodWorker[];
  readonly status: (podUid: string) => PodStatus | undefined;
  readonly podOfMirror: (mirrorUid: string) => Pod | undefined;
  readonly podLogsRoot: string;
}

/** What the kubelet's server may see of the workers. */
export function createPodDirectory(deps: PodDirectoryDeps): PodDirectory {
  const seen = new WeakMap<
    PodWorker,
    { readonly pod: Pod; readonly status: PodStatus | undefined; readonly merged: Pod }
  >();
  /** The same object as long as neither pod nor status were replaced. */
  const withStatus = (worker: PodWorker): Pod => {
    const pod = worker.pod();
    const status = deps.status(worker.uid);
    const before = seen.get(worker);
    if (before?.pod === pod && before.status === status) return before.merged;
    const merged: Pod = { apiVersion: "v1", kind: "Pod", ...pod, ...(status !== undefined && { status }) };
    seen.set(worker, { pod, status, merged });
    return merged;
  };
  const find = (namespace: string, name: string): PodWorker | undefined => {
    const named = deps
      .workers()
      .filter((worker) => worker.pod().metadata?.name === name && worker.pod().metadata?.namespace === namespace);
    // While a pod is replaced two have the name; the one that lives is meant.
    return named.find((worker) => worker.stage() === "living") ?? named[0];
  };
  const findUid = (uid: string): PodWorker | undefined => deps.workers().find((worker) => worker.uid === uid);

  return {
    pods: () => deps.workers().map(withStatus),
    runningPods: () =>
      deps
        .workers()
        .filter((worker) => {
          const { sandboxes, containers } = worker.runtime();
          return sandboxes.some(({ ready }) => ready) || containers.some(({ state }) => state === "running");
        })
        .map(withStatus),
    podByUid(uid) {
      const worker = findUid(uid) ?? findUid(deps.podOfMirror(uid)?.metadata?.uid ?? "");
      return worker === undefined ? undefined : withStatus(worker);
    },
    podByName(namespace, name) {
      const worker = find(namespace, name);
      return worker === undefined ? undefined : withStatus(worker);
    },
    container(namespace, podName, containerName) {
      const worker = find(namespace, podName);
      return worker === undefined ? undefined : containerOf(worker, containerName);
    },
    sandboxId(namespace, podName) {
      return find(namespace, podName)
        ?.runtime()
        .sandboxes.find(({ ready }) => ready)?.id;
    },
  };

  function containerOf(worker: PodWorker, name: string): PodContainer | undefined {
    const pod = worker.pod();
    const found = findContainer(pod, name);
    if (found === undefined) return undefined;
    const { name: podName = "", namespace = "", uid = "" } = pod.metadata ?? {};
    const directory = podLogDirectory(deps.podLogsRoot, namespace, podName, uid);
    const logOf = (attempt: number): string => `${directory}/${containerLogPath(name, attempt)}`;
    const current = newestAttempt(worker.runtime(), name);
    const previous = worker.runtime().containers.find((attempt) => attempt.name === name && attempt !== current);
    const status = statusOf(deps.status(worker.uid), name);
    return {
      name,
      kind: found.kind,
      id: current?.id ?? "",
      running: current?.state === "running",
      attempt: current?.attempt ?? 0,
      tty: found.container.tty === true,
      stdin: found.container.stdin === true,
      logPath: current === undefined ? "" : logOf(current.attempt),
      ...(previous !== undefined && {
        previous: { id: previous.id, attempt: previous.attempt, logPath: logOf(previous.attempt) },
      }),
      ...(status !== undefined && { status }),
    };
  }
}

function statusOf(status: PodStatus | undefined, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (container) => container.name === name,
  );
}
