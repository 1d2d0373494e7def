import type { Node, NodeStatus, Taint } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { backoffDelay } from "../../machinery/backoff.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import { createInformer, type Informer } from "../../machinery/informer.ts";
import { NODES } from "../../machinery/resources.ts";
import { runUnits, type Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ImageService, RuntimeImage } from "../../ports/container-runtime.ts";
import type { FilesystemUsage, HostFacts, MachineInformation } from "../../ports/host-facts.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import { createWake } from "../pods/wake.ts";
import { adoptionPatch, buildNodeStatus, initialNode, type InitialNodeOptions } from "./build-node.ts";
import { evictionThresholds } from "./eviction-thresholds.ts";
import { nodeConditions } from "./node-conditions.ts";
import { holdPressure, type PressureMemory, samplePressure } from "./node-pressure.ts";
import { nodeResources, type NodeResourceSettings, type ResourceTexts } from "./node-resources.ts";
import type { RuntimeWatch } from "./runtime-watch.ts";
import { statusPatch } from "./status-patch.ts";

export interface NodeStatusDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly host: Pick<HostFacts, "usage" | "filesystem">;
  readonly images: Pick<ImageService, "list" | "filesystem">;
  readonly runtime: RuntimeWatch;
  /** Volumes pods of this node use or may still have mounted, by their unique names. @default none */
  readonly volumesInUse?: () => readonly string[];
  /** Further reasons why the node is not ready (shutting down, no serving certificate). */
  readonly problems?: () => readonly string[];
}

export interface NodeStatusOptions {
  readonly nodeName: string;
  readonly addresses: readonly string[];
  readonly machine: MachineInformation;
  /** The kubelet's root directory: its filesystem is the node's. */
  readonly root: string;
  readonly port: number;
  readonly registerNode: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly providerId: string;
  readonly controllerAttachDetach: boolean;
  readonly settings: NodeResourceSettings;
  /** Milliseconds between looks at the node. */
  readonly updateFrequency: number;
  /** Milliseconds after which an unchanged status is written again. */
  readonly reportFrequency: number;
  readonly pressureTransitionPeriod: number;
  /** -1 for all. */
  readonly maximumImages: number;
  /** Asked at each look: some depend on the runtime. */
  readonly declaredFeatures: () => readonly string[];
}

export interface NodeStatusService {
  /** Registers the node and keeps its status true. Ready once the node is reported as Ready for the first time. */
  readonly unit: Unit;
  /** The node as the API server has it. */
  node(): Node | undefined;
  /** Returns once the API server knows of all volumes that are in use now. */
  reportVolumesInUse(signal: AbortSignal): Promise<void>;
  /** What pods may ask for, from the start on. */
  allocatable(): ResourceTexts;
}

const IMAGES_AGE_MS = 30_000;
const LOOK_AGAIN_MS = 100;
const REPORT_LIMIT_MS = 60_000;
const REGISTER_RETRY = { initialMs: 100, maximumMs: 7_000 } as const;

export function createNodeStatus(deps: NodeStatusDeps, options: NodeStatusOptions): NodeStatusService {
  const { client, clock, log } = deps;
  const { nodeName } = options;
  const thresholds = evictionThresholds(options.settings.evictionHard);
  const informer = createInformer(deps, { resource: NODES, select: { fieldSelector: `metadata.name=${nodeName}` } });
  const identity: InitialNodeOptions = { ...options, architecture: options.machine.architecture };
  let resources = nodeResources(options.machine, undefined, options.settings);
  let pressureMemory: PressureMemory = {};
  let images: { readonly list: readonly RuntimeImage[]; readonly at: number } | undefined;
  let reportedAt = -Infinity;
  let registered: Node | undefined;
  const wake = createWake(clock);

  /** What we wrote last is newer than the copy until the watch has caught up. */
  const current = (): Node | undefined => newerOf(informer.reader.get(nodeName), registered);

  const readImages = async (signal: AbortSignal): Promise<readonly RuntimeImage[]> => {
    if (images !== undefined && clock.monotonic() - images.at < IMAGES_AGE_MS) return images.list;
    const list = await deps.images.list(signal).catch(() => undefined);
    if (list !== undefined) images = { list, at: clock.monotonic() };
    return images?.list ?? [];
  };

  const optionalFilesystem = (path: string): Promise<FilesystemUsage | undefined> =>
    deps.host.filesystem(path).catch((reason: unknown) => {
      log.warn("cannot read a filesystem of the node", { path, reason: messageOf(reason) });
      return undefined;
    });

  const imageFilesystem = async (signal: AbortSignal): Promise<FilesystemUsage | undefined> => {
    const found = await deps.images.filesystem(signal).catch(() => undefined);
    return found === undefined || found.mountpoint === "" ? undefined : optionalFilesystem(found.mountpoint);
  };

  const buildStatus = async (before: NodeStatus, signal: AbortSignal): Promise<NodeStatus> => {
    const [usage, nodeUsage, imageUsage, imageList] = await Promise.all([
      deps.host.usage(signal),
      optionalFilesystem(options.root),
      imageFilesystem(signal),
      readImages(signal),
    ]);
    resources = nodeResources(options.machine, nodeUsage, options.settings);
    const seen = samplePressure(thresholds, { machine: usage, nodeFilesystem: nodeUsage, imageFilesystem: imageUsage });
    const held = holdPressure(seen, pressureMemory, clock.monotonic(), options.pressureTransitionPeriod);
    pressureMemory = held.memory;
    const problems = [...deps.runtime.problems(), ...(deps.problems?.() ?? [])];
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const { conditions, events } = nodeConditions(before.conditions ?? [], held.pressure, problems, now);
    for (const event of events) recordStatus(event);
    const status = buildNodeStatus({
      ...options,
      resources,
      runtime: deps.runtime.info,
      handlers: deps.runtime.handlers,
      supplementalGroupsPolicy: deps.runtime.supplementalGroupsPolicy,
      images: imageList,
      conditions,
      declaredFeatures: options.declaredFeatures(),
    });
    const volumesInUse = deps.volumesInUse?.();
    return volumesInUse === undefined ? status : { ...status, volumesInUse: volumesInUse.toSorted() };
  };

  const record = (type: "Normal" | "Warning", reason: string, message: string): void =>
    deps.events.record({
      // Upstream names the node as its own uid, so that events show before the object is known.
      involvedObject: { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName },
      type,
      reason,
      message,
    });
  const recordStatus = (event: string): void => record("Normal", event, `Node ${nodeName} status is now: ${event}`);

  const register = async (signal: AbortSignal): Promise<Node> => {
    const wanted = initialNode(identity, await buildStatus({}, signal));
    try {
      return await client.create(NODES, wanted, signal);
    } catch (reason) {
      // A node may be allowed to use its object but not to create it.
      if (!hasReason(reason, "AlreadyExists", "Forbidden")) throw reason;
      const existing = await client.get(NODES, { name: nodeName }, signal).catch((getReason: unknown) => {
        throw hasReason(reason, "Forbidden") ? reason : getReason;
      });
      tellReboot(existing);
      const patch = adoptionPatch(existing, identity);
      if (patch === undefined) return existing;
      return client.patch(NODES, { name: nodeName }, { type: "merge", value: patch }, signal);
    }
  };

  const tellReboot = (existing: Node): void => {
    const before = existing.status?.nodeInfo?.bootID ?? "";
    const { bootId } = options.machine;
    if (before === "" || before === bootId) return;
    record("Warning", "Rebooted", `Node ${nodeName} has been rebooted, boot id: ${bootId}`);
  };

  const registerUntilDone = async (signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        registered = options.registerNode
          ? await register(signal)
          : await client.get(NODES, { name: nodeName }, signal);
        log.info("node is registered", { node: nodeName });
        return;
      } catch (reason) {
        if (signal.aborted) return;
        failures += 1;
        log.warn("cannot register the node, trying again", { node: nodeName, reason: messageOf(reason) });
        await clock.sleep(backoffDelay(failures, REGISTER_RETRY, deps.random), signal).catch(() => undefined);
      }
    }
  };

  const update = async (signal: AbortSignal): Promise<void> => {
    const before = current();
    if (before === undefined) return;
    const { changed, patch } = statusPatch(before.status ?? {}, await buildStatus(before.status ?? {}, signal));
    const due = clock.monotonic() - reportedAt >= options.reportFrequency;
    if (!changed && !due) return;
    try {
      registered = await client.patch(NODES, { name: nodeName }, { type: "strategic", value: patch }, signal, {
        subresource: "status",
      });
      reportedAt = clock.monotonic();
    } catch (reason) {
      if (!hasReason(reason, "NotFound") || !options.registerNode) throw reason;
      log.warn("the node object is gone, registering again", { node: nodeName });
      await registerUntilDone(signal);
    }
  };

  const updateLoop = async (signal: AbortSignal, ready: () => void): Promise<void> => {
    const stops = [deps.runtime.onChange(wake.ring), informer.onChange(wake.ring)];
    try {
      await registerUntilDone(signal);
      record("Normal", "Starting", "Starting kubelet.");
      while (!signal.aborted) {
        try {
          await update(signal);
        } catch (reason) {
          if (!signal.aborted) log.warn("cannot update the node status", { node: nodeName, reason: messageOf(reason) });
        }
        if (isReady(current())) ready();
        await wake.wait(options.updateFrequency, signal).catch(() => undefined);
      }
    } finally {
      for (const stop of stops) stop();
    }
  };

  return {
    unit: {
      name: "node status",
      run: (signal, ready) =>
        runUnits([{ name: "node updates", run: updateLoop }, readyAtOnce(informer)], signal, ready),
    },
    node: current,
    async reportVolumesInUse(signal) {
      for (const until = clock.monotonic() + REPORT_LIMIT_MS; ; ) {
        const known = new Set(current()?.status?.volumesInUse);
        if ((deps.volumesInUse?.() ?? []).every((id) => known.has(id))) return;
        if (clock.monotonic() > until) {
          throw new OrlopError("Timeout", `node ${nodeName} could not be reported to use its volumes`);
        }
        wake.ring();
        await clock.sleep(LOOK_AGAIN_MS, signal);
      }
    },
    allocatable: () => resources.allocatable,
  };
}

function isReady(node: Node | undefined): boolean {
  return node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

function newerOf(seen: Node | undefined, written: Node | undefined): Node | undefined {
  if (seen === undefined || written === undefined) return seen ?? written;
  const version = ({ metadata }: Node): number => Number(metadata?.resourceVersion ?? Number.NaN);
  return version(written) > version(seen) && written.metadata?.uid === seen.metadata?.uid ? written : seen;
}

/** The informer may need long for its first list; nobody has to wait for it. */
function readyAtOnce(informer: Informer<Node>): Unit {
  return {
    name: informer.name,
    run: (signal, ready) => {
      ready();
      return informer.run(signal, () => undefined);
    },
  };
}
