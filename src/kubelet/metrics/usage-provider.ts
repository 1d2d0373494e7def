import type { Pod } from "../../api/types.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ContainerStats, RuntimeObserver } from "../../ports/container-runtime.ts";
import type { HostFacts, InterfaceUsage, MachineUsage } from "../../ports/host-facts.ts";
import type { PodDirectory } from "../pod-directory.ts";

export interface ContainerUsage {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly containerId: string;
  /** Milliseconds since the epoch; undefined when it is not known. */
  readonly startedAt: number | undefined;
  readonly stats: ContainerStats;
  /** Since the sample before, billionths of a CPU; undefined in the first one. */
  readonly nanoCores: number | undefined;
}

export interface UsageSample {
  readonly machine: MachineUsage;
  readonly machineNanoCores: number | undefined;
  readonly containers: readonly ContainerUsage[];
}

/** What node and containers use. Samples are shared: many scrapes at once cost one look. */
export interface UsageProvider {
  /** @param maximumAge milliseconds an earlier sample is still good for */
  sample(maximumAge: number, signal: AbortSignal): Promise<UsageSample>;
  /** Interfaces of a pod's network; empty when they can not be told. */
  podInterfaces(pod: Pod): Promise<readonly InterfaceUsage[]>;
}

export interface UsageProviderDeps {
  readonly observer: Pick<RuntimeObserver, "containerStats">;
  readonly host: Pick<HostFacts, "usage" | "interfaces">;
  readonly pods: Pick<PodDirectory, "podByUid" | "container">;
  readonly clock: Clock;
  /** A process in the pod's network, found through its control group. */
  readonly podProcess: (pod: Pod) => Promise<number | undefined>;
}

const LABELS = {
  namespace: "io.kubernetes.pod.namespace",
  pod: "io.kubernetes.pod.name",
  uid: "io.kubernetes.pod.uid",
  container: "io.kubernetes.container.name",
} as const;

interface Before {
  readonly at: number;
  readonly nanoseconds: number;
}

export function createUsageProvider(deps: UsageProviderDeps): UsageProvider {
  let latest: { readonly sample: UsageSample; readonly at: number } | undefined;
  let pending: Promise<UsageSample> | undefined;
  let before = new Map<string, Before>();
  let machineBefore: Before | undefined;

  const take = async (signal: AbortSignal): Promise<UsageSample> => {
    const [machine, stats] = await Promise.all([deps.host.usage(signal), deps.observer.containerStats({}, signal)]);
    const next = new Map<string, Before>();
    const containers = stats
      .filter(({ labels }) => labels[LABELS.uid] !== undefined && labels[LABELS.container] !== undefined)
      .map((each): ContainerUsage => {
        const { cpuUsageNanoseconds: nanoseconds } = each;
        const nanoCores =
          nanoseconds === undefined
            ? undefined
            : rate(before.get(each.containerId), { at: each.timestamp, nanoseconds });
        if (nanoseconds !== undefined) next.set(each.containerId, { at: each.timestamp, nanoseconds });
        return { ...identify(deps.pods, each), stats: each, nanoCores };
      });
    before = next;
    const machineNow = { at: machine.at, nanoseconds: machine.cpuUsageNanoseconds };
    const sample = { machine, machineNanoCores: rate(machineBefore, machineNow), containers };
    machineBefore = machineNow;
    return sample;
  };

  return {
    async sample(maximumAge, signal) {
      if (latest !== undefined && deps.clock.monotonic() - latest.at < maximumAge) return latest.sample;
      pending ??= take(signal)
        .then((sample) => {
          latest = { sample, at: deps.clock.monotonic() };
          return sample;
        })
        .finally(() => {
          pending = undefined;
        });
      return pending;
    },
    async podInterfaces(pod) {
      if (pod.spec?.hostNetwork === true) return [];
      const process = await deps.podProcess(pod).catch(() => undefined);
      return process === undefined ? [] : deps.host.interfaces(process);
    },
  };
}

function rate(from: Before | undefined, to: Before): number | undefined {
  if (from === undefined || to.at <= from.at || to.nanoseconds < from.nanoseconds) return undefined;
  return Math.round(((to.nanoseconds - from.nanoseconds) / (to.at - from.at)) * 1_000);
}

function identify(
  pods: UsageProviderDeps["pods"],
  { labels, containerId }: ContainerStats,
): Omit<ContainerUsage, "stats" | "nanoCores"> {
  const uid = labels[LABELS.uid] ?? "";
  const name = labels[LABELS.container] ?? "";
  const pod = pods.podByUid(uid);
  // A static pod runs under its own uid and is known to others under its mirror's names, which are the same.
  const namespace = pod?.metadata?.namespace ?? labels[LABELS.namespace] ?? "";
  const podName = pod?.metadata?.name ?? labels[LABELS.pod] ?? "";
  const started = pods.container(namespace, podName, name)?.status?.state?.running?.startedAt;
  return {
    namespace,
    pod: podName,
    podUid: uid,
    container: name,
    containerId,
    startedAt: started === undefined ? undefined : Date.parse(started),
  };
}
