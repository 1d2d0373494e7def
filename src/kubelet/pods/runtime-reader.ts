import type { ContainerAttempt, PodRuntime, SandboxState } from "../../core/pods/pod-runtime.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type {
  ContainerRuntime,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeObserver,
  SandboxRuntime,
  SandboxStatus,
} from "../../ports/container-runtime.ts";
import { POD_UID, recordedHash } from "./labels.ts";
import type { TerminationMessages } from "./termination-message.ts";

/** A pod as the runtime has it, whether anybody asked for it or not. */
export interface FoundPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly RuntimeContainer[];
}

/** Reads what the runtime knows. Failures of the runtime are thrown: "can not tell" is never an empty answer. */
export interface RuntimeReader {
  pod(uid: string, signal: AbortSignal): Promise<PodRuntime>;
  /** Everything that carries a pod's labels. */
  all(signal: AbortSignal): Promise<readonly FoundPod[]>;
  /** Forgets what was cached of a pod. */
  forget(uid: string): void;
}

export interface RuntimeReaderDeps {
  readonly sandboxes: Pick<SandboxRuntime, "list" | "status">;
  readonly containers: Pick<ContainerRuntime, "list" | "status">;
  readonly observer: Pick<RuntimeObserver, "version">;
  readonly messages: TerminationMessages;
}

export function createRuntimeReader(deps: RuntimeReaderDeps): RuntimeReader {
  let runtimeName: string | undefined;
  /** Ended attempts do not change any more. By pod uid, then container id. */
  const ended = new Map<string, Map<string, ContainerAttempt>>();

  async function nameOfRuntime(signal: AbortSignal): Promise<string> {
    runtimeName ??= (await deps.observer.version(signal)).name;
    return runtimeName;
  }

  async function attempt(
    container: RuntimeContainer,
    known: ReadonlyMap<string, ContainerAttempt>,
    signal: AbortSignal,
  ): Promise<ContainerAttempt | undefined> {
    const before = known.get(container.id);
    if (before !== undefined) return before;
    const prefix = await nameOfRuntime(signal);
    try {
      const status = await deps.containers.status(container.id, signal);
      const message = status.state === "exited" ? await deps.messages.read(status, signal) : "";
      return attemptOf(status, container.sandboxId, prefix, message);
    } catch (failure) {
      // Removed between the two questions.
      if (failure instanceof OrlopError && failure.code === "NotFound") return undefined;
      throw failure;
    }
  }

  async function sandbox(found: SandboxStatus, signal: AbortSignal): Promise<SandboxState | undefined> {
    const plain = { id: found.id, attempt: found.metadata.attempt, ready: found.ready, createdAt: found.createdAt };
    if (!found.ready) return { ...plain, ips: [] };
    try {
      const { ready, ips } = await deps.sandboxes.status(found.id, signal);
      return { ...plain, ready, ips };
    } catch (failure) {
      if (failure instanceof OrlopError && failure.code === "NotFound") return undefined;
      throw failure;
    }
  }

  return {
    async pod(uid, signal) {
      const labels = { [POD_UID]: uid };
      const [foundSandboxes, foundContainers] = await Promise.all([
        deps.sandboxes.list(labels, signal),
        deps.containers.list(labels, signal),
      ]);
      const known = ended.get(uid) ?? new Map<string, ContainerAttempt>();
      const [sandboxes, containers] = await Promise.all([
        Promise.all(foundSandboxes.map((found) => sandbox(found, signal))),
        Promise.all(foundContainers.map((found) => attempt(found, known, signal))),
      ]);
      const attempts = containers.filter((found) => found !== undefined).sort(byNewestAttempt);
      const done = attempts.filter(({ state }) => state === "exited").map((found) => [found.id, found] as const);
      if (done.length > 0) ended.set(uid, new Map(done));
      else ended.delete(uid);
      return {
        sandboxes: sandboxes
          .filter((found) => found !== undefined)
          .sort((a, b) => b.attempt - a.attempt || b.createdAt - a.createdAt),
        containers: attempts,
      };
    },
    async all(signal) {
      const [sandboxes, containers] = await Promise.all([
        deps.sandboxes.list({}, signal),
        deps.containers.list({}, signal),
      ]);
      const pods = new Map<string, { sandboxes: SandboxStatus[]; containers: RuntimeContainer[] }>();
      const ofPod = (uid: string): { sandboxes: SandboxStatus[]; containers: RuntimeContainer[] } => {
        const found = pods.get(uid) ?? { sandboxes: [], containers: [] };
        pods.set(uid, found);
        return found;
      };
      for (const found of sandboxes) if (uidOf(found.labels) !== "") ofPod(uidOf(found.labels)).sandboxes.push(found);
      for (const found of containers) {
        if (uidOf(found.labels) !== "") ofPod(uidOf(found.labels)).containers.push(found);
      }
      return [...pods].map(([uid, found]) => {
        const labels = found.sandboxes[0]?.labels ?? found.containers[0]?.labels ?? {};
        const name = labels["io.kubernetes.pod.name"] ?? "";
        const namespace = labels["io.kubernetes.pod.namespace"] ?? "";
        return { uid, name, namespace, ...found };
      });
    },
    forget(uid) {
      ended.delete(uid);
    },
  };
}

function uidOf(labels: Readonly<Record<string, string>>): string {
  return labels[POD_UID] ?? "";
}

function byNewestAttempt(a: ContainerAttempt, b: ContainerAttempt): number {
  return b.attempt - a.attempt || b.createdAt - a.createdAt;
}

function attemptOf(
  status: RuntimeContainerStatus,
  sandboxId: string,
  runtimeName: string,
  terminationMessage: string,
): ContainerAttempt {
  const { id, metadata, state, image, imageRef, createdAt, startedAt, finishedAt, exitCode, reason } = status;
  return {
    id,
    name: metadata.name,
    attempt: metadata.attempt,
    sandboxId,
    state,
    image,
    imageRef,
    createdAt,
    startedAt,
    finishedAt,
    exitCode,
    reason,
    message: terminationMessage === "" ? status.message : terminationMessage,
    hash: recordedHash(status.annotations),
    qualifiedId: `${runtimeName}://${id}`,
    ...(status.user !== undefined && { user: status.user }),
    ...(status.resources !== undefined && { resources: status.resources }),
  };
}
