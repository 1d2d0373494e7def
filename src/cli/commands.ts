import type { ApiServerFlags } from "./api-server-flags.ts";
import type { AuditKubeletOptions, CollectOptions, PolicyOptions } from "./audit/options.ts";
import type { LeaderElectionFlags } from "./leader-election-flags.ts";
import type { LogLevel } from "./flag-values.ts";
import type { SELinuxConflictsOptions, SELinuxGateOptions, SELinuxOptOutOptions } from "./selinux/options.ts";
import type { SELinuxFlags } from "./selinux/options.ts";

/** The flags of each command, parsed and defaulted; what `bin` composes from. */

export interface UpOptions extends SELinuxFlags, ApiServerFlags {
  readonly dataDir: string;
  readonly securePort: number;
  readonly kubeletPort: number;
  readonly nodeName?: string;
  readonly nodeIp?: string;
  readonly containerRuntimeEndpoint?: string;
  readonly featureGates: readonly string[];
  readonly emulatedVersion?: string;
  /** False with --no-node: control plane only. */
  readonly node: boolean;
  /** KubeletConfiguration file for the node. */
  readonly kubeletConfig?: string;
  /** False with --no-default-storage. */
  readonly defaultStorage: boolean;
  readonly connectAuthorization: ConnectAuthorizationMode;
  readonly controllers: readonly string[];
  /** 0: health and metrics of the controllers are not served. */
  readonly controllerManagerPort: number;
  readonly logLevel: LogLevel;
}

export interface DownOptions {
  readonly dataDir: string;
  readonly purge: boolean;
  readonly logLevel: LogLevel;
}

export interface ApiServerOptions extends ApiServerFlags {
  readonly dataDir: string;
  readonly securePort: number;
  readonly bindAddress: string;
  readonly featureGates: readonly string[];
  readonly emulatedVersion?: string;
  readonly logLevel: LogLevel;
}

export const CONNECT_AUTHORIZATION_MODES = ["enforce", "warn", "legacy"] as const;
/** How strictly exec, attach, portForward and run need the verb `create`. */
export type ConnectAuthorizationMode = (typeof CONNECT_AUTHORIZATION_MODES)[number];

/** Besides these, flags that stand for a field of the configuration: see kubeletFieldDocument(). */
export interface KubeletOptions {
  readonly config?: string;
  readonly configDir?: string;
  readonly kubeconfig?: string;
  readonly bootstrapKubeconfig?: string;
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly rootDir: string;
  readonly certDir: string;
  readonly containerRuntimeEndpoint?: string;
  readonly featureGates: readonly string[];
  readonly emulatedVersion?: string;
  readonly connectAuthorization?: ConnectAuthorizationMode;
  readonly logLevel: LogLevel;
  /** Verbosity as upstream counts it. */
  readonly v?: number;
}

export interface ControllerManagerOptions extends SELinuxFlags, LeaderElectionFlags {
  readonly kubeconfig?: string;
  readonly controllers: readonly string[];
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
  readonly authenticationSkipLookup: boolean;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly featureGates: readonly string[];
  readonly logLevel: LogLevel;
}

export interface CsiDriverOptions {
  readonly kubeconfig?: string;
  readonly rootDir: string;
  readonly volumesDir: string;
  readonly nodeName?: string;
  readonly logLevel: LogLevel;
}

/** One function per command; each resolves with the exit code. Loaded lazily by `bin`. */
export interface Commands {
  up(options: UpOptions): Promise<number>;
  down(options: DownOptions): Promise<number>;
  apiserver(options: ApiServerOptions): Promise<number>;
  kubelet(options: KubeletOptions): Promise<number>;
  controllerManager(options: ControllerManagerOptions): Promise<number>;
  csiDriver(options: CsiDriverOptions): Promise<number>;
  auditKubelet(options: AuditKubeletOptions): Promise<number>;
  collect(options: CollectOptions): Promise<number>;
  policy(options: PolicyOptions): Promise<number>;
  selinuxConflicts(options: SELinuxConflictsOptions): Promise<number>;
  selinuxGate(options: SELinuxGateOptions): Promise<number>;
  selinuxOptOut(options: SELinuxOptOutOptions): Promise<number>;
}
