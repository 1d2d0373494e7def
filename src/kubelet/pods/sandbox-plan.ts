import type { Pod } from "../../api/types.ts";
import type { NodeResources } from "../../core/pods/container-resources.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { SandboxConfig } from "../../ports/container-runtime.ts";
import type { PodCgroups, PodIdMapping } from "../pod-volumes.ts";
import type { ProvenTarget } from "../userns/mapping-proofs.ts";
import { type DnsConfig, podDns } from "./pod-dns.ts";
import { sandboxConfig } from "./sandbox-config.ts";

/** What a sandbox is made of; containers that join it need the same. */
export interface SandboxPlan {
  readonly config: SandboxConfig;
  /** "" is the default handler. */
  readonly handler: string;
  readonly mapping: PodIdMapping | undefined;
}

/** The user namespaces of pods; see ../userns. */
export interface PodUserNamespaces {
  /** undefined for the host's. Throws OrlopError when the pod must not run because it can not have its own. */
  mappingFor(pod: Pod, handler: string, signal: AbortSignal): Promise<PodIdMapping | undefined>;
  release(podUid: string, signal: AbortSignal): Promise<void>;
  /** What operators want to see of a pod's IDs. @default nothing */
  annotationsOf?(this: void, podUid: string): Readonly<Record<string, string>>;
  /** Why nothing of a pod that runs could be started again, with what to do. @default nothing is known to be wrong */
  problemOf?(this: void, podUid: string): string | undefined;
  /** Throws UnprotectedPod when something of the pod runs with other IDs than it was given. @default not looked at */
  prove?(podUid: string, targets: readonly ProvenTarget[], signal: AbortSignal): Promise<void>;
}

export interface RuntimeClasses {
  /** The handler of a RuntimeClass; "" for undefined. Throws OrlopError NotFound. */
  handlerOf(name: string | undefined, signal: AbortSignal): Promise<string>;
}

export interface SandboxPlannerDeps {
  readonly cgroups: Pick<PodCgroups, "ensure">;
  readonly runtimeClasses: RuntimeClasses;
  /** Absent: pods that ask for a user namespace of their own are refused. */
  readonly userNamespaces?: PodUserNamespaces;
  /** The host's resolver, read anew for every sandbox. */
  readonly hostDns: (signal: AbortSignal) => Promise<DnsConfig>;
}

export interface SandboxPlannerOptions {
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly podLogsRoot: string;
  readonly node: NodeResources;
}

export interface SandboxPlanner {
  plan(pod: Pod, attempt: number, signal: AbortSignal): Promise<SandboxPlan>;
}

export function createSandboxPlanner(deps: SandboxPlannerDeps, options: SandboxPlannerOptions): SandboxPlanner {
  async function mappingFor(pod: Pod, handler: string, signal: AbortSignal): Promise<PodIdMapping | undefined> {
    if (deps.userNamespaces !== undefined) return deps.userNamespaces.mappingFor(pod, handler, signal);
    if (pod.spec?.hostUsers !== false) return undefined;
    throw new OrlopError("Unsupported", "can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  }
  return {
    async plan(pod, attempt, signal) {
      const handler = await deps.runtimeClasses.handlerOf(pod.spec?.runtimeClassName, signal);
      const [mapping, cgroupParent, host] = await Promise.all([
        mappingFor(pod, handler, signal),
        deps.cgroups.ensure(pod, signal),
        deps.hostDns(signal),
      ]);
      const { clusterDns, clusterDomain, podLogsRoot, node } = options;
      const dns = podDns(pod, { clusterDns, clusterDomain, host });
      const config = sandboxConfig({ pod, attempt, mapping, cgroupParent, dns, clusterDomain, podLogsRoot, node });
      return { config, handler, mapping };
    },
  };
}
