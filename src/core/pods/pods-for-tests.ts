import type { Pod, PodSpec } from "../../api/types.ts";
import { containerHash } from "./containers.ts";
import type { ContainerAttempt, PodRuntime, SandboxState } from "./pod-runtime.ts";

/** Pods and runtime states as tests need them: everything has a plain value unless it is the point of the test. */

export const NOW = Date.UTC(2026, 0, 1);

export function podOf(spec: Partial<PodSpec> = {}, metadata: Pod["metadata"] = {}): Pod {
  return {
    metadata: { name: "web", namespace: "default", uid: "uid-1", generation: 1, ...metadata },
    spec: { containers: [{ name: "app", image: "app:1" }], restartPolicy: "Always", ...spec },
    status: {},
  };
}

export function attempt(name: string, changes: Partial<ContainerAttempt> = {}): ContainerAttempt {
  const number = changes.attempt ?? 0;
  const id = changes.id ?? `${name}-${number}`;
  return {
    id,
    name,
    attempt: number,
    sandboxId: "sandbox-0",
    state: "running",
    image: "app:1",
    imageRef: "sha256:1",
    createdAt: NOW + number * 1000,
    startedAt: NOW + number * 1000,
    finishedAt: changes.state === "exited" ? NOW + number * 1000 + 500 : 0,
    exitCode: 0,
    reason: "",
    message: "",
    hash: containerHash({ name, image: "app:1" }),
    qualifiedId: `containerd://${id}`,
    ...changes,
  };
}

export function sandbox(changes: Partial<SandboxState> = {}): SandboxState {
  return { id: "sandbox-0", attempt: 0, ready: true, createdAt: NOW, ips: ["10.0.0.5"], ...changes };
}

export function runtimeOf(
  containers: readonly ContainerAttempt[] = [],
  sandboxes: readonly SandboxState[] = [sandbox()],
): PodRuntime {
  return { sandboxes, containers: [...containers].sort((a, b) => b.attempt - a.attempt) };
}
