/**
 * The container runtime as the kubelet uses it, in six small ports over CRI v1. All calls throw OrlopError; a call the
 * runtime does not know is Unsupported, a missing object NotFound. Stopping or removing what does not exist succeeds.
 */

export interface KeyValue {
  readonly [key: string]: string;
}

export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

export type NamespaceMode = "pod" | "container" | "node" | { readonly target: string };

export interface LinuxSandboxSecurity {
  readonly network: "pod" | "node";
  readonly pid: "pod" | "container" | "node";
  readonly ipc: "pod" | "node";
  /** Absent: the host's user namespace is asked for explicitly (mode NODE). */
  readonly userNamespace?: { readonly uidMappings: readonly IdMapping[]; readonly gidMappings: readonly IdMapping[] };
  readonly privileged: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  /** @default "Merge" */
  readonly supplementalGroupsPolicy?: "Merge" | "Strict";
  readonly seLinux?: {
    readonly user?: string;
    readonly role?: string;
    readonly type?: string;
    readonly level?: string;
  };
  readonly seccomp: SecurityProfile;
}

export type SecurityProfile =
  | { readonly type: "RuntimeDefault" }
  | { readonly type: "Unconfined" }
  | { readonly type: "Localhost"; readonly reference: string };

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}

export interface SandboxConfig {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly attempt: number;
  };
  readonly hostname: string;
  readonly logDirectory: string;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly portMappings: readonly PortMapping[];
  readonly labels: KeyValue;
  readonly annotations: KeyValue;
  readonly cgroupParent: string;
  readonly sysctls: KeyValue;
  readonly security: LinuxSandboxSecurity;
  /** What all containers together may use, and the runtime's own share; runtimes that place VMs need both. */
  readonly resources?: ContainerResources;
  readonly overhead?: ContainerResources;
}

export interface SandboxStatus {
  readonly id: string;
  readonly metadata: SandboxConfig["metadata"];
  readonly ready: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly ips: readonly string[];
  readonly labels: KeyValue;
  readonly annotations: KeyValue;
  readonly runtimeHandler: string;
  /** Host process id of what holds the sandbox, when the runtime tells; not in lists. */
  readonly pid?: number;
}

export interface SandboxRuntime {
  run(config: SandboxConfig, runtimeHandler: string, signal: AbortSignal): Promise<string>;
  stop(id: string, signal: AbortSignal): Promise<void>;
  remove(id: string, signal: AbortSignal): Promise<void>;
  status(id: string, signal: AbortSignal): Promise<SandboxStatus>;
  /** Filtered by labels on the runtime's side; ips are empty here. */
  list(labels: KeyValue, signal: AbortSignal): Promise<readonly SandboxStatus[]>;
}

export interface ContainerMount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  readonly recursiveReadOnly?: boolean;
  readonly seLinuxRelabel: boolean;
  readonly propagation: "private" | "host-to-container" | "bidirectional";
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

export interface ContainerResources {
  readonly cpuShares?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryLimitBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly unified?: KeyValue;
}

export interface ContainerSecurity {
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly privileged: boolean;
  readonly pid: NamespaceMode;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUserName?: string;
  readonly readOnlyRootFilesystem: boolean;
  readonly supplementalGroups: readonly number[];
  /** @default "Merge" */
  readonly supplementalGroupsPolicy?: "Merge" | "Strict";
  readonly noNewPrivileges: boolean;
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly seccomp: SecurityProfile;
  readonly appArmor?: SecurityProfile;
  readonly seLinux?: LinuxSandboxSecurity["seLinux"];
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: { readonly reference: string; readonly userSpecified: string };
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly ContainerMount[];
  readonly devices: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly permissions: string;
  }[];
  readonly labels: KeyValue;
  readonly annotations: KeyValue;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  /** e.g. "SIGUSR1"; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
}

export type RuntimeContainerState = "created" | "running" | "exited" | "unknown";

export interface RuntimeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly metadata: ContainerConfig["metadata"];
  readonly state: RuntimeContainerState;
  /** As given at creation. */
  readonly image: string;
  /** Digest reference of the image where the runtime knows one. */
  readonly imageRef: string;
  readonly imageId: string;
  readonly labels: KeyValue;
  readonly annotations: KeyValue;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface RuntimeContainerStatus extends RuntimeContainer {
  /** Milliseconds since the epoch; 0 when it has not happened. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
  readonly mounts: readonly ContainerMount[];
  /** First process's identity, where the runtime tells. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  readonly resources?: ContainerResources;
  /** Host process id when the runtime tells (verbose status), else undefined. */
  readonly pid?: number;
}

export interface ContainerRuntime {
  create(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig, signal: AbortSignal): Promise<string>;
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Sends the stop signal, kills after `timeoutSeconds`; returns when it is dead. Succeeds when it is unknown. */
  stop(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
  remove(id: string, signal: AbortSignal): Promise<void>;
  status(id: string, signal: AbortSignal): Promise<RuntimeContainerStatus>;
  /** Filtered by labels on the runtime's side. */
  list(labels: KeyValue, signal: AbortSignal): Promise<readonly RuntimeContainer[]>;
  reopenLog(id: string, signal: AbortSignal): Promise<void>;
}

export interface ExecResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

export interface StreamRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Commands in containers, and the one-time URLs of the runtime's streaming server. */
export interface StreamingRuntime {
  /** `timeoutSeconds` 0 means no limit. */
  execSync(
    containerId: string,
    command: readonly string[],
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<ExecResult>;
  execUrl(request: StreamRequest, signal: AbortSignal): Promise<string>;
  attachUrl(request: Omit<StreamRequest, "command">, signal: AbortSignal): Promise<string>;
  portForwardUrl(sandboxId: string, ports: readonly number[], signal: AbortSignal): Promise<string>;
}

export interface CheckpointRuntime {
  /**
   * Writes the state of a running container, memory included, into one archive; it runs on. `timeoutSeconds` 0 means the
   * runtime's usual limit. Throws Unsupported or Internal when runtime or host can not do it.
   *
   * @param archive absolute path of the file to make
   */
  checkpoint(containerId: string, archive: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
}

export interface RuntimeImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** Numeric user of the image, when it has one. */
  readonly uid?: number;
  readonly username: string;
  readonly pinned: boolean;
}

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

export interface ImageService {
  status(reference: string, signal: AbortSignal): Promise<RuntimeImage | undefined>;
  /** Returns the reference to run. */
  pull(
    reference: string,
    credentials: RegistryCredentials | undefined,
    sandbox: SandboxConfig | undefined,
    signal: AbortSignal,
  ): Promise<string>;
  list(signal: AbortSignal): Promise<readonly RuntimeImage[]>;
  remove(reference: string, signal: AbortSignal): Promise<void>;
  filesystem(
    signal: AbortSignal,
  ): Promise<{ readonly mountpoint: string; readonly usedBytes: number; readonly usedInodes: number }>;
}

export interface RuntimeHandler {
  /** "" is the default handler. */
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

export interface RuntimeInfo {
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
}

export interface RuntimeStatus {
  readonly runtimeReady: boolean;
  readonly networkReady: boolean;
  /** Why it is not ready. */
  readonly message: string;
  readonly handlers: readonly RuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly labels: KeyValue;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** Cumulative nanoseconds of CPU. */
  readonly cpuUsageNanoseconds?: number;
  readonly memoryWorkingSetBytes?: number;
  readonly memoryUsageBytes?: number;
  readonly memoryRssBytes?: number;
  readonly writableLayerUsedBytes?: number;
  readonly writableLayerInodes?: number;
}

export interface RuntimeEvent {
  readonly type: "created" | "started" | "stopped" | "deleted";
  /** A container's id, or a sandbox's own. */
  readonly id: string;
  /** "" when the runtime does not say. */
  readonly sandboxId: string;
  readonly podUid: string;
}

export interface RuntimeObserver {
  version(signal: AbortSignal): Promise<RuntimeInfo>;
  status(signal: AbortSignal): Promise<RuntimeStatus>;
  /** undefined when the runtime does not tell. */
  cgroupDriver(signal: AbortSignal): Promise<"systemd" | "cgroupfs" | undefined>;
  updatePodCidr(cidr: string, signal: AbortSignal): Promise<void>;
  containerStats(labels: KeyValue, signal: AbortSignal): Promise<readonly ContainerStats[]>;
  /**
   * Containers and sandboxes whose state changed, as they change. Ends or throws when the connection breaks: look at
   * everything again, then call once more. Throws Unsupported when the runtime has no events.
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

/** What the CRI adapter and the memory runtime give. */
export interface Runtime {
  readonly sandboxes: SandboxRuntime;
  readonly containers: ContainerRuntime;
  readonly streaming: StreamingRuntime;
  readonly checkpoints: CheckpointRuntime;
  readonly images: ImageService;
  readonly observer: RuntimeObserver;
}
