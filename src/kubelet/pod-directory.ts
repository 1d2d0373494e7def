import type { ContainerStatus, Pod } from "../api/types.ts";

/** What is known of one container of a pod; every id is the runtime's. */
export interface PodContainer {
  readonly name: string;
  readonly kind: "init" | "container" | "ephemeral";
  /** The current (or last) attempt; "" when none was ever created. */
  readonly id: string;
  readonly running: boolean;
  readonly attempt: number;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Host path of the attempt's log file; "" when there is no attempt. */
  readonly logPath: string;
  /** The attempt before, while its remains are kept (logs --previous). */
  readonly previous?: { readonly id: string; readonly attempt: number; readonly logPath: string };
  readonly status?: ContainerStatus;
}

/**
 * Read-only view on the pods of this node, for the kubelet's own server (logs, exec, attach, port-forward, /pods).
 * Answers come from memory and never wait for the runtime or the API server.
 */
export interface PodDirectory {
  /** All pods the kubelet knows, with their newest status, static pods as themselves (not as mirrors). */
  pods(): readonly Pod[];
  /** Pods that have a running container or sandbox. */
  runningPods(): readonly Pod[];
  /** Also finds a static pod by the uid of its mirror. */
  podByUid(uid: string): Pod | undefined;
  podByName(namespace: string, name: string): Pod | undefined;
  /** undefined when the pod or the container does not exist in its spec. */
  container(namespace: string, pod: string, container: string): PodContainer | undefined;
  /** Newest ready sandbox of the pod, for port-forward. */
  sandboxId(namespace: string, pod: string): string | undefined;
}
