import { createMemoryRuntime, type MemoryRuntime, type MemoryRuntimeOptions } from "../adapters/memory/runtime.ts";
import type { CoreEvent, Node, Pod, PodSpec, PodStatus } from "../api/types.ts";
import { createPodManager, type PodManager } from "../kubelet/pods/pod-manager.ts";
import type { PodManagerOptions } from "../kubelet/pods/pod-manager-options.ts";
import { createPodEvents } from "../kubelet/pods/recorded-pod-events.ts";
import type { PodUserNamespaces } from "../kubelet/pods/sandbox-plan.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { hasReason } from "../machinery/answer-error.ts";
import { type ClusterClient, createClusterClient } from "../machinery/cluster-client.ts";
import { createEventRecorder } from "../machinery/event-recorder.ts";
import { EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS } from "../machinery/resources.ts";
import type { Files } from "../ports/files.ts";
import { startTestApiServer, type TestApiServer, testGates } from "./api-server.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { quietLog, seededRandom } from "./quiet.ts";

export const NODE_NAME = "node-1";

export interface PodNodeOptions {
  readonly runtime?: MemoryRuntimeOptions;
  readonly manager?: Partial<PodManagerOptions>;
  readonly node?: Node;
  readonly userNamespaces?: PodUserNamespaces;
  /** Text of the failure of preparing volumes; undefined: they are ready. */
  readonly volumeProblem?: () => string | undefined;
  /** Groups that own the pods' volumes. @default none */
  readonly volumeGroups?: readonly number[];
  /** Contents of static pod manifests by path. */
  readonly manifests?: Map<string, string>;
}

/** The pods of a node on an in-process API server and a memory runtime, with time that stands still. */
export interface PodNode {
  readonly clock: FakeClock;
  readonly api: TestApiServer;
  readonly client: ClusterClient;
  readonly runtime: MemoryRuntime;
  /** Of the kubelet that runs now. */
  manager(): PodManager;
  create(name: string, spec: Partial<PodSpec>, metadata?: Pod["metadata"]): Promise<Pod>;
  pod(name: string): Promise<Pod | undefined>;
  status(name: string): Promise<PodStatus>;
  events(name: string): Promise<readonly CoreEvent[]>;
  /** Lets time pass in small steps until the condition holds; fails after `limitMs` of the clock. */
  until(what: string, condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
  /** Lets the time pass. */
  pass(milliseconds: number): Promise<void>;
  /** What was released, by pod uid: "volumes UID", "cgroups UID". */
  readonly released: readonly string[];
  /** Ends the kubelet without any clean-up, as kill -9 does, and starts another. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const SIGNAL = new AbortController().signal;

export async function startPodNode(options: PodNodeOptions = {}): Promise<PodNode> {
  const clock = createFakeClock();
  const api = await startTestApiServer({ clock });
  const client = createClusterClient({ transport: api.connect(), userAgent: "test" });
  const runtime = createMemoryRuntime({ clock }, { images: ["app:1", "app:2"], ...options.runtime });
  const random = seededRandom(7);
  const log = quietLog();
  const released: string[] = [];
  await createUnlessThere(client);

  let stopping = new AbortController();
  let ended: Promise<unknown> = Promise.resolve();
  let manager: PodManager | undefined;

  const start = (): void => {
    stopping = new AbortController();
    const recorder = createEventRecorder({ client, clock, random, log }, { component: "kubelet", host: NODE_NAME });
    manager = createPodManager(
      {
        runtime,
        client,
        clock,
        random,
        log,
        files: memoryFiles(options.manifests ?? new Map()),
        prober: {
          http: async () => ({ result: "failure", output: "nothing listens in a memory runtime" }),
          tcp: async () => ({ result: "failure", output: "nothing listens in a memory runtime" }),
          grpc: async () => ({ result: "failure", output: "nothing listens in a memory runtime" }),
        },
        volumes: {
          async prepare() {
            const problem = options.volumeProblem?.();
            if (problem !== undefined) throw new OrlopError("Unavailable", problem);
          },
          mounts: async () => [],
          devices: () => [],
          groups: () => options.volumeGroups ?? [],
          async release(uid) {
            released.push(`volumes ${uid}`);
          },
          podsOnDisk: async () => [],
        },
        cgroups: {
          ensure: async () => "",
          async remove(uid) {
            released.push(`cgroups ${uid}`);
          },
        },
        references: { configMap: async () => undefined, secret: async () => undefined, retain: () => undefined },
        ...(options.userNamespaces !== undefined && { userNamespaces: options.userNamespaces }),
        events: createPodEvents(recorder),
        node: () => options.node ?? TEST_NODE,
        hostIps: () => ["192.0.2.1"],
      },
      {
        nodeName: NODE_NAME,
        gates: testGates(),
        nodeResources: {
          memoryBytes: 8 * 2 ** 30,
          cpuQuotaEnabled: true,
          cpuQuotaPeriod: 100_000,
          cgroupVersion: 2,
          singleProcessOomKill: false,
        },
        security: { seccompDefault: false, seccompRoot: "/seccomp", extraMaskedPaths: [] },
        apiServer: { host: "192.0.2.1", port: 6443 },
        clusterDns: [],
        clusterDomain: "cluster.local",
        resolvConf: "",
        logLinksRoot: "",
        version: "1.36",
        ...options.manager,
      },
    );
    ended = Promise.all([
      recorder.unit.run(stopping.signal, () => undefined),
      manager.unit.run(stopping.signal, () => undefined),
    ]);
  };
  const halt = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  const get = async (name: string): Promise<Pod | undefined> => {
    try {
      return await client.get(PODS, { namespace: "default", name }, SIGNAL);
    } catch (failure) {
      if (hasReason(failure, "NotFound")) return undefined;
      throw failure;
    }
  };

  start();
  return {
    clock,
    api,
    client,
    runtime,
    released,
    manager() {
      if (manager === undefined) throw new Error("the node was not started");
      return manager;
    },
    create: (name, spec, metadata) =>
      client.create(
        PODS,
        {
          metadata: { ...metadata, name, namespace: "default" },
          spec: { containers: [], nodeName: NODE_NAME, terminationGracePeriodSeconds: 5, ...spec },
        },
        SIGNAL,
      ),
    pod: get,
    status: async (name) => (await get(name))?.status ?? {},
    async events(name) {
      const { items } = await client.list(EVENTS, { namespace: "default" }, SIGNAL);
      return items.filter(({ involvedObject }) => involvedObject.name === name);
    },
    async until(what, condition, limitMs = 120_000) {
      const end = clock.now() + limitMs;
      for (let turn = 0; !(await condition()); turn++) {
        if (clock.now() >= end) throw new Error(`${what}: not so after ${limitMs} ms`);
        // First whatever is due without time passing.
        await clock.advance(turn < 20 ? 0 : 50);
      }
    },
    pass: (milliseconds) => clock.advance(milliseconds),
    async restart() {
      await halt();
      start();
    },
    async stop() {
      await halt();
      await api.stop();
    },
  };
}

const TEST_NODE: Node = {
  metadata: { name: NODE_NAME, uid: "node-uid" },
  status: { allocatable: { cpu: "4", memory: "8Gi", pods: "20" } },
};

async function createUnlessThere(client: ClusterClient): Promise<void> {
  const ignore = (failure: unknown): void => {
    if (!hasReason(failure, "AlreadyExists")) throw failure;
  };
  await client.create(NAMESPACES, { metadata: { name: "default" } }, SIGNAL).catch(ignore);
  const account = { metadata: { name: "default", namespace: "default" } };
  await client.create(SERVICE_ACCOUNTS, account, SIGNAL).catch(ignore);
}

/** As much of a file system as the pod manager needs: manifests to read, and nothing else there. */
function memoryFiles(manifests: ReadonlyMap<string, string>): Files {
  const absent = (path: string): never => {
    throw new OrlopError("NotFound", `${path} does not exist`);
  };
  return {
    information: async () => undefined,
    async read(path) {
      const text = manifests.get(path) ?? absent(path);
      return new TextEncoder().encode(text);
    },
    async list(path) {
      const names = [...manifests.keys()].filter((file) => file.startsWith(`${path}/`));
      return names.map((file) => ({ name: file.slice(path.length + 1), kind: "file" }));
    },
    readLink: async (path) => absent(path),
    realPath: async (path) => path,
    open: async (path) => absent(path),
    // oxlint-disable-next-line require-yield
    async *changes(_directory, signal) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
    makeDirectory: async () => false,
    writeFile: async () => undefined,
    overwriteFile: async () => undefined,
    createFile: async () => undefined,
    symlink: async () => undefined,
    rename: async () => undefined,
    remove: async () => undefined,
    removeTree: async () => undefined,
    setAttributes: async () => undefined,
  };
}
