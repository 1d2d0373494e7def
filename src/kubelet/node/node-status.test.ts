import { defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { describe, expect, it } from "vitest";
import { notFound } from "../../api/status-error.ts";
import type { Node } from "../../api/types.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { Log } from "../../ports/log.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { evictionThresholds } from "./eviction-thresholds.ts";
import { decideNodeAddresses, decideNodeName } from "./node-identity.ts";
import { nodeConditions } from "./node-conditions.ts";
import { microTime } from "./node-lease.ts";
import { holdPressure, samplePressure } from "./node-pressure.ts";
import { nodeResources } from "./node-resources.ts";
import { createNodeStatus } from "./node-status.ts";
import { createRuntimeWatch } from "./runtime-watch.ts";
import { statusPatch } from "./status-patch.ts";

const GIB = 2 ** 30;
const { evictionHard } = defaultKubeletConfiguration();
const SETTINGS = {
  maxPods: 110,
  podsPerCore: 0,
  systemReserved: {},
  kubeReserved: {},
  evictionHard,
  localStorageCapacityIsolation: true,
};
const FILESYSTEM = {
  device: 1,
  capacityBytes: 100 * GIB,
  availableBytes: 50 * GIB,
  usedBytes: 50 * GIB,
  inodes: 1_000,
  inodesFree: 900,
};
const MACHINE = {
  hostname: "host",
  cpus: 2,
  memoryBytes: 8 * GIB,
  swapBytes: 0,
  hugepages: [{ pageSizeBytes: 2 ** 21, bytes: 0 }],
  machineId: "m",
  systemUuid: "s",
  bootId: "b",
  kernelVersion: "6",
  osImage: "Debian",
  architecture: "amd64",
  bootedAt: 0,
};
const USAGE = {
  at: 0,
  cpuUsageNanoseconds: 0,
  memoryTotalBytes: 8 * GIB,
  memoryFreeBytes: GIB,
  memoryAvailableBytes: 4 * GIB,
  memoryInactiveFileBytes: 0,
  memoryRssBytes: 0,
  pageFaults: 0,
  majorPageFaults: 0,
  swapTotalBytes: 0,
  swapFreeBytes: 0,
  processes: 100,
  processesMax: 32_768,
};

describe("decideNodeName()", () => {
  it("takes the host's name in lower case unless told otherwise", () => {
    expect(decideNodeName("My-Host", undefined)).toEqual({ ok: true, value: "my-host" });
    expect(decideNodeName("x", "node.example")).toEqual({ ok: true, value: "node.example" });
    expect(decideNodeName("bad_host", undefined)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("--hostname-override"),
    });
  });
});

describe("decideNodeAddresses()", () => {
  const address = (text: string, loopback = false) =>
    ({ interface: "e", address: text, family: text.includes(":") ? 6 : 4, loopback }) as const;
  const addresses = [address("127.0.0.1", true), address("fd00::1"), address("10.0.0.5")];

  it("prefers the wanted, then the default route's, then any that is not loopback", () => {
    expect(decideNodeAddresses({ addresses, wanted: "10.0.0.5,fd00::1" })).toEqual({
      ok: true,
      value: ["10.0.0.5", "fd00::1"],
    });
    expect(decideNodeAddresses({ addresses, default: "fd00::1" })).toEqual({ ok: true, value: ["fd00::1"] });
    expect(decideNodeAddresses({ addresses })).toEqual({ ok: true, value: ["10.0.0.5"] });
  });

  it("refuses what others could not reach", () => {
    expect(decideNodeAddresses({ addresses, wanted: "10.9.9.9" })).toEqual({
      ok: false,
      reason: 'node IP: "10.9.9.9" not found in the host\'s network interfaces',
    });
    expect(decideNodeAddresses({ addresses, wanted: "127.0.0.1" })).toMatchObject({ ok: false });
    expect(decideNodeAddresses({ addresses: [addresses[0] ?? address("")] })).toMatchObject({ ok: false });
  });
});

describe("nodeResources()", () => {
  it("takes reservations and thresholds off the capacity", () => {
    const { capacity, allocatable, enforcedMemoryBytes } = nodeResources(MACHINE, FILESYSTEM, {
      ...SETTINGS,
      systemReserved: { cpu: "250m", memory: "1Gi" },
    });
    expect(capacity).toEqual({
      cpu: "2",
      memory: "8Gi",
      pods: "110",
      "ephemeral-storage": "100Gi",
      "hugepages-2Mi": "0",
    });
    expect(allocatable).toEqual({
      cpu: "1750m",
      memory: "7068Mi",
      pods: "110",
      "ephemeral-storage": "90Gi",
      "hugepages-2Mi": "0",
    });
    expect(enforcedMemoryBytes).toBe(7 * GIB);
  });

  it("takes huge pages off the memory and caps pods per core", () => {
    const machine = { ...MACHINE, hugepages: [{ pageSizeBytes: 2 ** 30, bytes: 2 * GIB }] };
    const { capacity, allocatable } = nodeResources(machine, undefined, {
      ...SETTINGS,
      podsPerCore: 10,
      evictionHard: { "memory.available": "0" },
    });
    expect(allocatable["memory"]).toBe("6Gi");
    expect(capacity).toMatchObject({ "hugepages-1Gi": "2Gi", pods: "20" });
  });
});

describe("pressure", () => {
  const thresholds = evictionThresholds(SETTINGS.evictionHard);

  it("is seen below a threshold and held for a while", () => {
    const sample = { machine: USAGE, nodeFilesystem: FILESYSTEM, imageFilesystem: undefined };
    expect(samplePressure(thresholds, sample)).toEqual({ memory: false, disk: false, pid: false });
    const low = {
      ...sample,
      machine: { ...USAGE, memoryAvailableBytes: 50 * 2 ** 20 },
      nodeFilesystem: { ...FILESYSTEM, inodesFree: 10 },
    };
    const seen = samplePressure(thresholds, low);
    expect(seen).toEqual({ memory: true, disk: true, pid: false });
    const first = holdPressure(seen, {}, 1_000, 300_000);
    const calm = { memory: false, disk: false, pid: false };
    expect(holdPressure(calm, first.memory, 200_000, 300_000).pressure.memory).toBe(true);
    expect(holdPressure(calm, first.memory, 301_000, 300_000).pressure.memory).toBe(false);
  });
});

describe("nodeConditions()", () => {
  const calm = { memory: false, disk: false, pid: false };

  it("keeps transition times while nothing changes and tells events when it does", () => {
    const first = nodeConditions([], calm, ["container runtime is down"], "t1");
    expect(first.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      "MemoryPressure=False",
      "DiskPressure=False",
      "PIDPressure=False",
      "Ready=False",
    ]);
    const second = nodeConditions(first.conditions, calm, [], "t2");
    expect(second.events).toEqual(["NodeReady"]);
    expect(second.conditions.at(-1)).toEqual({
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "kubelet is posting ready status",
      lastHeartbeatTime: "t2",
      lastTransitionTime: "t2",
    });
    expect(second.conditions[0]?.lastTransitionTime).toBe("t1");
    expect(nodeConditions([], calm, ["a", "b"], "t").conditions.at(-1)?.message).toBe("[a, b]");
  });
});

describe("statusPatch()", () => {
  it("is only for what differs, and leaves others' conditions and resources alone", () => {
    const before = {
      capacity: { cpu: "2", "example.com/gpu": "1", "hugepages-1Gi": "0" },
      addresses: [{ type: "InternalIP", address: "1.1.1.1" }],
      conditions: [{ type: "NetworkUnavailable", status: "False" }],
      runtimeHandlers: [],
    };
    const after = {
      capacity: { cpu: "2" },
      addresses: [{ type: "InternalIP", address: "2.2.2.2" }],
      conditions: [],
      images: [],
    };
    expect(statusPatch(before, after)).toEqual({
      changed: true,
      patch: {
        status: {
          capacity: { cpu: "2", "hugepages-1Gi": null },
          addresses: [{ type: "InternalIP", address: "2.2.2.2" }, { $patch: "replace" }],
          conditions: [],
        },
      },
    });
    expect(statusPatch({ capacity: { cpu: "2", x: "1" } }, { capacity: { cpu: "2" } }).changed).toBe(false);
  });
});

describe("createNodeStatus()", () => {
  it("registers the node, becomes ready with the runtime, writes again only on change or when due", async () => {
    const clock = createFakeClock();
    const silent: Log = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
      with: () => silent,
    };
    const random = { bytes: () => new Uint8Array(), uuid: () => "", fraction: () => 0 };
    let stored: Node | undefined;
    let patches = 0;
    let networkReady = false;
    let version = 0;
    const events: string[] = [];
    const quietWatch = async function* (_: unknown, __: unknown, signal: AbortSignal): AsyncGenerator<never> {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      yield* [];
    };
    const client = {
      create: async (_: unknown, node: Node) => {
        version += 1;
        stored = { ...node, metadata: { ...node.metadata, uid: "n1", resourceVersion: String(version) } };
        return stored;
      },
      get: () =>
        stored === undefined
          ? Promise.reject(notFound({ group: "", resource: "nodes" }, "n"))
          : Promise.resolve(stored),
      list: async () => ({ metadata: { resourceVersion: "1" }, items: [] }),
      watch: quietWatch,
      patch: async (_: unknown, __: unknown, patch: { readonly value: { readonly status: Node["status"] } }) => {
        patches += 1;
        version += 1;
        stored = {
          ...stored,
          metadata: { ...stored?.metadata, resourceVersion: String(version) },
          status: { ...stored?.status, ...patch.value.status },
        };
        return stored;
      },
    } as unknown as ClusterClient;
    const runtime = createRuntimeWatch({
      clock,
      log: silent,
      observer: {
        status: async () => ({
          runtimeReady: true,
          networkReady,
          message: networkReady
            ? ""
            : "NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized",
          handlers: [{ name: "", recursiveReadOnlyMounts: true, userNamespaces: true }],
          supplementalGroupsPolicy: true,
          userNamespacesHostNetwork: false,
        }),
        version: async () => ({ name: "containerd", version: "v2.1.9", apiVersion: "v1" }),
      },
    });
    const service = createNodeStatus(
      {
        client,
        clock,
        random,
        log: silent,
        events: { record: ({ reason }) => events.push(reason) },
        host: { usage: async () => USAGE, filesystem: async () => FILESYSTEM },
        images: { list: async () => [], filesystem: async () => ({ mountpoint: "/i", usedBytes: 0, usedInodes: 0 }) },
        runtime,
      },
      {
        nodeName: "n",
        addresses: ["10.0.0.5"],
        machine: MACHINE,
        root: "/var/lib/kubelet",
        port: 10250,
        registerNode: true,
        labels: { zone: "a" },
        taints: [],
        providerId: "",
        controllerAttachDetach: true,
        settings: SETTINGS,
        updateFrequency: 10_000,
        reportFrequency: 300_000,
        pressureTransitionPeriod: 300_000,
        maximumImages: 50,
        declaredFeatures: () => ["ExtendWebSocketsToKubelet"],
      },
    );
    const stop = new AbortController();
    const running = Promise.all([
      runtime.unit.run(stop.signal, () => undefined),
      service.unit.run(stop.signal, () => undefined),
    ]);
    await clock.untilSleepers(2);
    expect(stored?.metadata?.labels).toMatchObject({
      "kubernetes.io/hostname": "n",
      "kubernetes.io/os": "linux",
      zone: "a",
    });
    expect(stored?.status).toMatchObject({
      nodeInfo: { containerRuntimeVersion: "containerd://2.1.9", kubeletVersion: expect.stringMatching(/^v1\.36\./) },
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      runtimeHandlers: [{ name: "", features: { recursiveReadOnlyMounts: true, userNamespaces: true } }],
      features: { supplementalGroupsPolicy: true },
      declaredFeatures: ["ExtendWebSocketsToKubelet"],
    });
    const ready = () => stored?.status?.conditions?.find(({ type }) => type === "Ready");
    expect(ready()?.message).toBe(
      "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized",
    );

    networkReady = true;
    await clock.advance(5_000);
    expect(ready()?.status).toBe("True");
    expect(events).toContain("NodeReady");
    const before = patches;
    await clock.advance(200_000);
    expect(patches).toBe(before);
    await clock.advance(120_000);
    expect(patches).toBe(before + 1);
    stop.abort();
    await running;
  });
});

describe("microTime()", () => {
  it("has six digits", () => {
    expect(microTime(Date.UTC(2026, 0, 1))).toBe("2026-01-01T00:00:00.000000Z");
  });
});
