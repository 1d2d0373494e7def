import type { Node, Pod, PodStatus, Service } from "../../api/types.ts";
import { type BackoffPolicy, CRASH_LOOP_BACKOFF } from "../../core/pods/start-backoff.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createInformer, type Informer } from "../../machinery/informer.ts";
import { PODS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Runtime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import type { NetworkProber } from "../../ports/network-prober.ts";
import type { Random } from "../../ports/random.ts";
import { apiServerService } from "../environment/service-variables.ts";
import { cleanUpImages, type ImageCleanUpDeps } from "../images/image-clean-up.ts";
import { createImageManager } from "../images/image-manager.ts";
import type { PodDirectory } from "../pod-directory.ts";
import type { PodCgroups, PodReferences, PodVolumes } from "../pod-volumes.ts";
import { createProbeManager, type ObserveProbes } from "../probes/probe-manager.ts";
import { createProbeRunner } from "../probes/probe-runner.ts";
import { createBackoffs } from "./backoffs.ts";
import { createContainerStarter } from "./container-starter.ts";
import { createHousekeeping } from "./housekeeping.ts";
import { createLife } from "./life.ts";
import { createLifecycleHooks } from "./lifecycle-hooks.ts";
import { containerLogPath, podLogDirectory } from "./log-paths.ts";
import { rotateLogs } from "./log-rotation.ts";
import { createMirrorKeeper } from "./mirror-keeper.ts";
import { createMirrorPods, type MirrorPods } from "./mirror-pods.ts";
import { createPodDirectory } from "./pod-directory-view.ts";
import { type DnsConfig, parseResolvConf } from "./pod-dns.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodManagerOptions } from "./pod-manager-options.ts";
import type { ObservePods } from "./pod-observation.ts";
import { createPodRemains } from "./pod-remains.ts";
import { createPodStopper } from "./pod-stopper.ts";
import { createPodRoster } from "./pod-roster.ts";
import { admitSysctls } from "../../core/pods/sysctl-rules.ts";
import { createPodWorker, type PodEnd, type PodWorkerDeps } from "./pod-worker.ts";
import { createRuntimeClasses } from "./runtime-classes.ts";
import { createRuntimeReader } from "./runtime-reader.ts";
import { watchRuntime } from "./runtime-watch.ts";
import { createSandboxPlanner, type PodUserNamespaces } from "./sandbox-plan.ts";
import { watchStaticPods } from "./static-pod-directory.ts";
import { createStatusManager } from "./status-manager.ts";
import { createTerminationMessages } from "./termination-message.ts";

export interface PodManagerDeps {
  readonly runtime: Runtime;
  /** Absent: a kubelet without API server, for static pods only. */
  readonly client?: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly files: Files;
  readonly prober: NetworkProber;
  readonly volumes: PodVolumes;
  readonly cgroups: PodCgroups;
  readonly references: PodReferences;
  /** Absent: pods with `hostUsers: false` are refused. */
  readonly userNamespaces?: PodUserNamespaces;
  readonly events: PodEvents;
  /** This node as it is known now; undefined before it is registered. */
  readonly node: () => Node | undefined;
  /** Addresses of the node, primary first. */
  readonly hostIps: () => readonly string[];
  /** Services to announce in the environment; those without an address are left out. @default none */
  readonly services?: () => readonly Service[];
  /** Why the runtime has no network for pods now. @default always undefined */
  readonly networkProblem?: () => string | undefined;
  /** For metrics. */
  readonly observe?: ObservePods;
  readonly observeProbes?: ObserveProbes;
  /** What image clean-up needs besides the runtime; see `imageEviction` of the options. */
  readonly imageDisk?: Pick<ImageCleanUpDeps, "disk" | "insufficient">;
}

/** The pods of this node: everything between what the API server asks for and what the runtime runs. */
export interface PodManager {
  readonly unit: Unit;
  readonly directory: PodDirectory;
  /** Ends a pod for the node's sake (eviction, shutdown). */
  end(podUid: string, end: PodEnd): void;
  /** What pods that do not run yet may have waited for is there: they are looked at now, not at their next try. */
  lookAtWaiting(): void;
  /** Newest status, from memory. */
  status(podUid: string): PodStatus | undefined;
  /** Whether all pods that should be here are known: before, "not known" proves nothing. */
  sourcesReady(): boolean;
}

function crashLoopBackoff({ longestRestartDelayMs }: PodManagerOptions): BackoffPolicy {
  const { firstMs, longestMs } = CRASH_LOOP_BACKOFF;
  const longest = longestRestartDelayMs ?? longestMs;
  return { firstMs: Math.min(firstMs, longest), longestMs: longest };
}

const RESOLV_CONF_LIMIT = 1024 * 1024;

export function createPodManager(deps: PodManagerDeps, options: PodManagerOptions): PodManager {
  const { runtime, client, clock, log, events, files } = deps;
  const podLogsRoot = options.podLogsRoot ?? "/var/log/pods";
  const logLinksRoot = options.logLinksRoot ?? "/var/log/containers";
  const recursiveReadOnlyMounts = options.recursiveReadOnlyMounts ?? (() => false);
  const syncPeriodMs = options.syncPeriodMs ?? 60_000;
  const { containers, sandboxes, streaming, observer } = runtime;

  let staticKnown = (options.staticPodPath ?? "") === "";

  const reader = createRuntimeReader({
    sandboxes,
    containers,
    observer,
    messages: createTerminationMessages({ files }),
  });
  const annotationsOf = deps.userNamespaces?.annotationsOf;
  const statuses = createStatusManager({
    ...(client !== undefined && { client }),
    clock,
    log,
    ...(annotationsOf !== undefined && { annotationsOf }),
  });
  const mirrors: MirrorPods | undefined =
    client === undefined ? undefined : createMirrorPods({ client, log, node: () => registeredNode(deps.node()) });
  const hooks = createLifecycleHooks(
    { streaming, prober: deps.prober, clock },
    { userAgent: `kube-lifecycle/${options.version}` },
  );
  const probes = createProbeManager({
    clock,
    random: deps.random,
    log,
    events,
    runner: createProbeRunner({ streaming, prober: deps.prober }, { userAgent: `kube-probe/${options.version}` }),
    ...(deps.observeProbes !== undefined && { observe: deps.observeProbes }),
    lookUp(uid) {
      const worker = roster.get(uid);
      const status = statuses.get(uid);
      return worker === undefined || status === undefined ? undefined : { pod: worker.pod(), status };
    },
  });
  probes.onChange((uid) => roster.get(uid)?.poke());

  const workerDeps: PodWorkerDeps = {
    clock,
    log,
    reader,
    planner: createSandboxPlanner(
      {
        cgroups: deps.cgroups,
        runtimeClasses: client === undefined ? { handlerOf: async () => "" } : createRuntimeClasses({ client, clock }),
        ...(deps.userNamespaces !== undefined && { userNamespaces: deps.userNamespaces }),
        hostDns: () => readHostDns(files, options.resolvConf),
      },
      {
        clusterDns: options.clusterDns,
        clusterDomain: options.clusterDomain,
        podLogsRoot,
        node: options.nodeResources,
      },
    ),
    starter: createContainerStarter(
      {
        containers,
        images: createImageManager(
          { images: runtime.images, events, clock },
          "parallelPulls" in options ? { parallelPulls: options.parallelPulls } : {},
        ),
        volumes: deps.volumes,
        references: deps.references,
        hooks,
        backoffs: createBackoffs({ clock }, crashLoopBackoff(options)),
        events,
        files,
        log,
        ...(deps.userNamespaces !== undefined && { userNamespaces: deps.userNamespaces }),
        services: servicesFor,
        allocatable: () => deps.node()?.status?.allocatable ?? {},
      },
      { node: options.nodeResources, security: options.security, logLinksRoot, recursiveReadOnlyMounts },
    ),
    stopper: createPodStopper({ containers, sandboxes, hooks, events, clock, log }),
    remains: createPodRemains({ containers, sandboxes, files, log }, { podLogsRoot, logLinksRoot }),
    sandboxes,
    containers,
    volumes: deps.volumes,
    cgroups: deps.cgroups,
    ...(deps.userNamespaces !== undefined && { userNamespaces: deps.userNamespaces }),
    probes,
    statuses,
    events,
    files,
    mirrorOf: (pod) => mirrors?.mirrorFor(pod),
    hostIps: deps.hostIps,
    networkProblem: deps.networkProblem ?? (() => undefined),
    observe: deps.observe ?? (() => undefined),
  };

  function servicesFor(pod: Pod): readonly Service[] {
    const namespace = pod.metadata?.namespace;
    const links = pod.spec?.enableServiceLinks !== false;
    const own = (deps.services?.() ?? []).filter(
      (service) => links && service.metadata?.namespace === namespace && !isApiServer(service),
    );
    const { apiServer } = options;
    return apiServer === undefined ? own : [...own, apiServerService(apiServer.host, apiServer.port)];
  }

  const podInformer: Informer<Pod> | undefined =
    client === undefined
      ? undefined
      : createInformer(
          { client, clock, random: deps.random, log },
          { resource: PODS, select: { fieldSelector: `spec.nodeName=${options.nodeName}` } },
        );

  const roster = createPodRoster({
    clock,
    events,
    statuses,
    mirrors,
    node: deps.node,
    admitSysctls: (pod) =>
      admitSysctls(pod, options.allowedUnsafeSysctls ?? [], options.kernelIsAtLeast ?? (() => true)),
    mirrorsNeedCare: () => mirrorKeeper.soon(),
    createWorker: (pod, kind) => createPodWorker(workerDeps, pod, { ...kind, syncPeriodMs, recursiveReadOnlyMounts }),
  });

  const sourcesReady = (): boolean => staticKnown && (podInformer?.hasSynced() ?? true);

  const mirrorKeeper = createMirrorKeeper({
    clock,
    mirrors,
    staticPods: () =>
      client !== undefined && sourcesReady()
        ? roster
            .staticWorkers()
            .filter((worker) => worker.stage() === "living" || worker.stage() === "over")
            .map((worker) => worker.pod())
        : undefined,
  });

  const housekeeping = createHousekeeping(
    {
      reader,
      volumes: deps.volumes,
      cgroups: deps.cgroups,
      references: deps.references,
      files,
      clock,
      log,
      ...(deps.userNamespaces !== undefined && { userNamespaces: deps.userNamespaces }),
      isReady: sourcesReady,
      knownPods: () => roster.workers().map((worker) => worker.pod()),
      adoptOrphan: roster.adoptOrphan,
    },
    { podLogsRoot },
  );

  function runningLogs(): readonly { readonly containerId: string; readonly path: string }[] {
    return roster.workers().flatMap((worker) => {
      const { name = "", namespace = "", uid = "" } = worker.pod().metadata ?? {};
      const directory = podLogDirectory(podLogsRoot, namespace, name, uid);
      return worker
        .runtime()
        .containers.filter(({ state }) => state === "running")
        .map(({ id, name, attempt }) => ({ containerId: id, path: `${directory}/${containerLogPath(name, attempt)}` }));
    });
  }

  return {
    directory: createPodDirectory({
      workers: roster.workers,
      status: (uid) => statuses.get(uid),
      podOfMirror: (uid) =>
        mirrors?.podFor(
          uid,
          roster.staticWorkers().map((worker) => worker.pod()),
        ),
      podLogsRoot,
    }),
    end: (uid, end) => roster.get(uid)?.end(end),
    lookAtWaiting() {
      for (const worker of roster.workers()) {
        if (worker.stage() === "living" && !worker.runtime().sandboxes.some(({ ready }) => ready)) worker.poke();
      }
    },
    status: (uid) => statuses.get(uid),
    sourcesReady,
    unit: {
      name: "pods",
      async run(signal, ready) {
        const life = createLife(signal);
        const own = (): AbortSignal => life.branch().signal;
        roster.begin(life);
        podInformer?.onChange(roster.apiPodChanged);
        const { staticPodPath = "", fileCheckPeriodMs = 20_000 } = options;
        const running = [
          statuses.unit.run(own(), () => undefined),
          podInformer?.run(own(), () => housekeeping.soon()),
          watchRuntime(
            { observer, reader, clock, log },
            {
              changed: (uid) => roster.get(uid)?.poke(),
              connected: () => roster.workers().forEach((worker) => worker.poke()),
              lost: () => undefined,
            },
            own(),
          ),
          staticPodPath === ""
            ? undefined
            : watchStaticPods(
                { files, clock, log },
                {
                  path: staticPodPath,
                  checkPeriodMs: fileCheckPeriodMs,
                  context: { nodeName: options.nodeName, gates: options.gates },
                },
                (pods) => {
                  staticKnown = true;
                  roster.staticPodsAre(pods);
                },
                own(),
              ),
          mirrorKeeper.run(own()),
          rotateLogs({ files, containers, clock, log, logs: runningLogs }, options.logRotation ?? {}, own()),
          deps.imageDisk === undefined || options.imageEviction === undefined
            ? undefined
            : cleanUpImages(
                { images: runtime.images, containers, clock, log, ...deps.imageDisk },
                options.imageEviction,
                own(),
              ),
          housekeeping.run(own()),
        ];
        ready();
        await Promise.all(running);
      },
    },
  };
}

function registeredNode(node: Node | undefined): { readonly name: string; readonly uid: string } | undefined {
  const { name, uid } = node?.metadata ?? {};
  return name === undefined || uid === undefined ? undefined : { name, uid };
}

function isApiServer(service: Service): boolean {
  return service.metadata?.namespace === "default" && service.metadata.name === "kubernetes";
}

async function readHostDns(files: Pick<Files, "read">, path: string): Promise<DnsConfig> {
  if (path === "") return { servers: [], searches: [], options: [] };
  const bytes = await files.read(path, RESOLV_CONF_LIMIT).catch(() => new Uint8Array());
  return parseResolvConf(new TextDecoder().decode(bytes));
}
