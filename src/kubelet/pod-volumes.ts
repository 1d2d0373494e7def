import type { ConfigMap, Container, EphemeralContainer, Pod, Secret } from "../api/types.ts";
import type { ContainerConfig, ContainerMount, IdMapping } from "../ports/container-runtime.ts";

/** The ID mapping of a pod with `hostUsers: false`; absent for pods in the host's user namespace. */
export interface PodIdMapping {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

export interface ContainerMountOptions {
  readonly podIps: readonly string[];
  /** Restart count of the container; names its termination log. */
  readonly attempt: number;
  readonly mapping?: PodIdMapping;
  /** The container's environment as it will start, for subPathExpr. @default none */
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  /** Whether the pod's runtime handler can make read-only mounts recursive. @default false */
  readonly recursiveReadOnlySupported?: boolean;
}

/** What the pod worker asks of the volume manager. */
export interface PodVolumes {
  /**
   * Makes all volumes of the pod ready on the host; quick when they are already. Also refreshes configMap, secret,
   * projected and downwardAPI contents of running pods. Throws OrlopError with the text for a FailedMount event
   * (`MountVolume.SetUp failed for volume "x" : …`); the worker tries again with back-off.
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Mounts of one container, subPath resolved safely, /etc/hosts and the termination log included. After prepare(). */
  mounts(
    pod: Pod,
    container: Container | EphemeralContainer,
    options: ContainerMountOptions,
    signal: AbortSignal,
  ): Promise<readonly ContainerMount[]>;
  /** Raw block devices of one container. After prepare(). */
  devices(pod: Pod, container: Container | EphemeralContainer): ContainerConfig["devices"];
  /** Groups the pod's processes get because its volumes belong to them. After prepare(). */
  groups(pod: Pod): readonly number[];
  /** Unmounts and deletes everything of a pod whose containers are gone. Safe to repeat. Deletes nothing on "can not tell". */
  release(podUid: string, signal: AbortSignal): Promise<void>;
  /** Pods that still have anything on disk, for clean-up after a restart. */
  podsOnDisk(signal: AbortSignal): Promise<readonly string[]>;
}

/** Per-pod cgroups (v1 and v2), with the QoS tree of upstream (cgroupfs names: kubepods/burstable/pod<uid>). */
export interface PodCgroups {
  /** Creates or updates the pod's cgroup and its limits; returns the parent to give to the sandbox, "" when cgroups are off. */
  ensure(pod: Pod, signal: AbortSignal): Promise<string>;
  /** Removes the cgroup of a finished pod. Safe to repeat. */
  remove(podUid: string, signal: AbortSignal): Promise<void>;
}

/** ConfigMaps and Secrets that pods of this node refer to; cached, kept fresh, get by name only (as a node may). */
export interface PodReferences {
  /** undefined when it does not exist. Throws OrlopError when it can not tell. */
  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  /** Pods now on the node: what nobody refers to any more is forgotten. */
  retain(pods: readonly Pod[]): void;
}
