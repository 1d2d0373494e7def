import { describe, expect, it } from "vitest";
import { defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import type { Pod } from "../../api/types.ts";
import { createFiles } from "../../adapters/files/files.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { quietLog } from "../../testing/quiet.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import { createKubeletMetrics } from "../metrics/kubelet-metrics.ts";
import { createUsageProvider } from "../metrics/usage-provider.ts";
import { createVolumeUsages } from "../metrics/volume-usages.ts";
import { createKubeletServer } from "./kubelet-server.ts";
import { createRouteHandlers } from "./route-handlers.ts";

const USER = { name: "jane", groups: ["system:authenticated"], extra: {} };
const GRANTED: AccessVerdict = {
  access: "granted",
  user: USER,
  verb: "get",
  subresource: "proxy",
  fallback: false,
  reason: "",
};
const POD: Pod = {
  metadata: { name: "web", namespace: "default", uid: "u1" },
  spec: { containers: [{ name: "main", image: "i" }] },
  status: { startTime: "2026-01-01T00:00:00Z" },
};
const SWITCHES = {
  enableDebuggingHandlers: true,
  enableSystemLogHandler: true,
  enableProfilingHandler: true,
  enableDebugFlagsHandler: true,
  checkpoint: true,
  flagz: true,
  statusz: true,
};
const FILESYSTEM = {
  device: 1,
  capacityBytes: 1_000,
  availableBytes: 400,
  usedBytes: 600,
  inodes: 100,
  inodesFree: 90,
};

interface World {
  verdict: AccessVerdict;
  syncLoop: string | undefined;
  verbosity: number;
  pods: Pod[];
}

function createWorld(): World & {
  send(
    method: string,
    target: string,
    extra?: Partial<HttpRequest>,
  ): Promise<{ status: number; headers: Record<string, unknown>; body: string }>;
} {
  const world: World = { verdict: GRANTED, syncLoop: undefined, verbosity: 0, pods: [POD] };
  const clock = createFakeClock();
  const process = {
    usage: async () => ({
      cpuSeconds: 1.5,
      residentBytes: 2,
      virtualBytes: 3,
      heapUsedBytes: 4,
      heapTotalBytes: 5,
      openFiles: 6,
      maximumFiles: 7,
    }),
    startedAt: 8,
    runtimeVersion: "v20.0.0",
    commandLine: ["node", "orlop"],
  };
  const gates = {
    enabled: () => true,
    emulatedVersion: "1.36",
    all: [{ name: "KubeletFineGrainedAuthz", stage: "GA", enabled: true } as const],
  };
  const metrics = createKubeletMetrics({ clock, process, gates }, { nodeName: "n1" });
  const pods = {
    pods: () => world.pods,
    runningPods: () => world.pods,
    podByUid: (uid: string) => world.pods.find(({ metadata }) => metadata?.uid === uid),
    podByName: (namespace: string, name: string) =>
      world.pods.find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace),
    container: (_: string, __: string, name: string) =>
      name === "main"
        ? ({
            name,
            kind: "container",
            id: "c1",
            running: true,
            attempt: 0,
            tty: false,
            stdin: false,
            logPath: "",
          } as const)
        : undefined,
    sandboxId: () => undefined,
  };
  const usage = createUsageProvider({
    clock,
    pods,
    podProcess: async () => 42,
    host: {
      usage: async () => ({
        at: clock.now(),
        cpuUsageNanoseconds: 5e9,
        memoryTotalBytes: 1_000,
        memoryFreeBytes: 300,
        memoryAvailableBytes: 500,
        memoryInactiveFileBytes: 100,
        memoryRssBytes: 50,
        pageFaults: 1,
        majorPageFaults: 2,
        swapTotalBytes: 10,
        swapFreeBytes: 4,
        processes: 3,
        processesMax: 99,
      }),
      interfaces: async () => [
        {
          name: "eth0",
          receivedBytes: 1,
          receivedPackets: 5,
          receiveErrors: 2,
          receiveDropped: 0,
          sentBytes: 3,
          sentPackets: 6,
          sendErrors: 4,
          sendDropped: 0,
        },
      ],
    },
    observer: {
      containerStats: async () => [
        {
          containerId: "c1",
          labels: {
            "io.kubernetes.pod.uid": "u1",
            "io.kubernetes.pod.name": "web",
            "io.kubernetes.pod.namespace": "default",
            "io.kubernetes.container.name": "main",
          },
          timestamp: clock.now(),
          cpuUsageNanoseconds: 2e9,
          memoryWorkingSetBytes: 77,
        },
      ],
    },
  });
  const done: HttpResponse = { status: 200, headers: {}, body: "streamed" };
  const host = {
    filesystem: async () => FILESYSTEM,
    treeUsage: async () => ({ usedBytes: 11, inodes: 2, complete: true }),
    interfaces: async () => [],
    addresses: async () => ({ all: [] }),
  };
  const usages = createVolumeUsages({ host, clock, sharedUsage: async () => undefined }, { volumeAge: 60_000 });
  const handlers = createRouteHandlers(
    {
      pods,
      usages,
      metrics,
      usage,
      process,
      clock,
      log: quietLog(),
      files: createFiles(),
      streaming: {
        exec: async () => done,
        attach: async () => done,
        portForward: async () => done,
        run: async () => done,
      },
      host,
      checkpoints: { checkpoint: async () => undefined },
      images: { filesystem: async () => ({ mountpoint: "/i", usedBytes: 5, usedInodes: 6 }) },
      profiler: {
        cpuProfile: async () => new Uint8Array([123]),
        heapProfile: async (seconds, which) => new TextEncoder().encode(`${which} over ${seconds}`),
      },
      volumePaths: () => [{ name: "data", path: "/v" }],
      healthChecks: [
        { name: "ping", check: () => undefined },
        {
          name: "syncloop",
          check: () => {
            if (world.syncLoop !== undefined) throw new Error(world.syncLoop);
          },
        },
      ],
      setVerbosity: (level) => {
        world.verbosity = level;
      },
    },
    {
      nodeName: "n1",
      root: "/r",
      nodeResources: {
        memoryBytes: 1_000,
        cpuQuotaEnabled: true,
        cpuQuotaPeriod: 100_000,
        cgroupVersion: 2,
        singleProcessOomKill: false,
      },
      machine: {
        hostname: "h",
        cpus: 2,
        memoryBytes: 1_000,
        swapBytes: 0,
        hugepages: [],
        machineId: "m",
        systemUuid: "s",
        bootId: "b",
        kernelVersion: "6",
        osImage: "o",
        architecture: "amd64",
        bootedAt: 0,
      },
      configuration: defaultKubeletConfiguration(),
      flags: { "node-ip": "1.2.3.4", config: "/c" },
      emulatedVersion: "1.36",
      startedAt: clock.now() - 61_000,
      splitStreams: false,
      paths: ["/configz", "/metrics"],
    },
  );
  const server = createKubeletServer(
    { handlers, clock, log: quietLog(), observeRequest: metrics.request, checkAccess: async () => world.verdict },
    SWITCHES,
  );
  return Object.assign(world, {
    async send(method: string, target: string, extra: Partial<HttpRequest> = {}) {
      const response = await server(plainRequest(target, {}, { method, ...extra }));
      if ("upgraded" in response) throw new Error("upgraded");
      let body = "";
      const { body: given } = response;
      if (typeof given === "function")
        await given({
          write: async (chunk) => void (body += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)),
        });
      else body = given === undefined ? "" : typeof given === "string" ? given : new TextDecoder().decode(given);
      return { status: response.status, headers: { ...response.headers }, body };
    },
  });
}

describe("createKubeletServer()", () => {
  it("refuses with upstream's texts", async () => {
    const world = createWorld();
    world.verdict = { access: "unauthenticated" };
    expect(await world.send("GET", "/pods")).toMatchObject({ status: 401, body: "Unauthorized" });
    world.verdict = { access: "forbidden", user: USER, verb: "get", subresources: ["pods", "proxy"] };
    expect(await world.send("GET", "/pods")).toMatchObject({
      status: 403,
      body: "Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[pods proxy])\n",
    });
    world.verdict = { access: "error", user: USER, verb: "get", subresource: "pods", reason: "secret" };
    expect(await world.send("GET", "/pods")).toMatchObject({
      status: 500,
      body: "Authorization error (user=jane, verb=get, resource=nodes, subresource=pods)",
    });
    expect(await world.send("GET", "/nowhere")).toMatchObject({ status: 404, body: "404 page not found\n" });
    expect(await world.send("GET", "/pods/x")).toMatchObject({ status: 500 });
  });

  it("refuses upgrades where nothing is streamed", async () => {
    const upgrade = {
      protocol: "websocket",
      acceptRaw: () => {
        throw new Error();
      },
      acceptWebSocket: () => Promise.reject(new Error()),
    };
    expect(await createWorld().send("GET", "/metrics", { upgrade })).toMatchObject({ status: 400 });
    expect(await createWorld().send("GET", "/exec/default/web/main", { upgrade })).toMatchObject({
      status: 200,
      body: "streamed",
    });
  });

  it("lists pods, and says null for none", async () => {
    const world = createWorld();
    const list = JSON.parse((await world.send("GET", "/pods")).body);
    expect(list).toMatchObject({ kind: "PodList", apiVersion: "v1", items: [{ metadata: { name: "web" } }] });
    world.pods = [];
    expect((await world.send("GET", "/runningpods/")).body).toBe(
      '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":null}',
    );
    expect(await world.send("GET", "/pods", { headers: { accept: "text/html" } })).toMatchObject({ status: 406 });
    expect(await world.send("POST", "/pods")).toMatchObject({
      status: 405,
      headers: { allow: "GET" },
      body: "405: Method Not Allowed",
    });
  });

  it("answers health checks", async () => {
    const world = createWorld();
    expect(await world.send("GET", "/healthz")).toMatchObject({
      status: 200,
      body: "ok",
      headers: { "x-content-type-options": "nosniff" },
    });
    expect((await world.send("GET", "/healthz?verbose&exclude=zz&exclude=ping&exclude=")).body).toBe(
      '[+]ping excluded: ok\n[+]syncloop ok\nwarn: some health checks cannot be excluded: no matches for "","zz"\nhealthz check passed\n',
    );
    world.syncLoop = "sync loop is stuck";
    expect(await world.send("GET", "/healthz")).toMatchObject({
      status: 500,
      body: "[+]ping ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n",
    });
    expect(await world.send("GET", "/healthz/syncloop")).toMatchObject({
      status: 500,
      body: "internal server error: sync loop is stuck\n",
    });
    const slis = (await world.send("GET", "/metrics/slis")).body;
    expect(slis).toContain('kubernetes_healthcheck{name="syncloop",type="healthz"} 0');
    expect(slis).toContain('kubernetes_healthchecks_total{name="ping",type="healthz",status="success"} 2');
    expect(await world.send("DELETE", "/metrics/slis")).toMatchObject({ status: 200, body: "metrics reset\n" });
    expect((await world.send("GET", "/metrics/slis")).body).not.toContain('status="success"');
  });

  it("shows the feature gate the announcement looks for, and counts requests", async () => {
    const world = createWorld();
    await world.send("GET", "/pods");
    await world.send("GET", "/unknown");
    const { body, headers } = await world.send("GET", "/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('kubernetes_feature_enabled{name="KubeletFineGrainedAuthz",stage="GA"} 1\n');
    expect(body).toContain(
      'kubelet_http_requests_total{method="GET",path="pods",server_type="readwrite",long_running="false"} 1',
    );
    expect(body).toContain('path="other"');
    expect(body).toContain("process_resident_memory_bytes 2");
    expect(body).toContain("process_cpu_seconds_total 1.5");
  });

  it("shows resource usage", async () => {
    const { body } = await createWorld().send("GET", "/metrics/resource");
    expect(body).toMatch(
      /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="web"\} 2 \d+$/m,
    );
    expect(body).toMatch(/^node_memory_working_set_bytes 600 \d+$/m);
    expect(body).toMatch(/^resource_scrape_error 0$/m);
    const cadvisor = (await createWorld().send("GET", "/metrics/cadvisor")).body;
    expect(cadvisor).toMatch(/^container_network_receive_bytes_total\{.*interface="eth0".*pod="web"\} 1 /m);
    expect(cadvisor).toMatch(/^machine_cpu_cores\{.*\} 2$/m);
  });

  it("sums up node and pods", async () => {
    const world = createWorld();
    const summary = JSON.parse((await world.send("GET", "/stats/summary")).body);
    expect(summary).toMatchObject({
      node: { nodeName: "n1", memory: { workingSetBytes: 600 }, fs: { capacityBytes: 1_000 }, rlimit: { maxpid: 99 } },
      pods: [
        {
          podRef: { name: "web", namespace: "default", uid: "u1" },
          startTime: "2026-01-01T00:00:00Z",
          containers: [{ name: "main", memory: { workingSetBytes: 77 } }],
          network: { name: "eth0", rxBytes: 1 },
          volume: [{ name: "data", usedBytes: 11 }],
        },
      ],
    });
    const small = JSON.parse((await world.send("GET", "/stats/summary?only_cpu_and_memory=true")).body);
    expect(small.node).not.toHaveProperty("fs");
    expect(small.pods[0]).not.toHaveProperty("volume");
    const broken = await world.send("POST", "/stats/summary", { headers: { "content-type": "; bad" } });
    expect(broken).toMatchObject({ status: 500, body: expect.stringContaining("parse form failed") });
  });

  it("shows configuration, flags and status", async () => {
    const world = createWorld();
    expect(JSON.parse((await world.send("GET", "/configz")).body)).toMatchObject({
      kubeletconfig: { kind: "KubeletConfiguration", syncFrequency: "1m0s" },
    });
    expect((await world.send("GET", "/flagz")).body).toMatch(/config=\/c\nnode-ip=1\.2\.3\.4\n$/);
    expect((await world.send("GET", "/statusz")).body).toContain("Up: 0 hr 01 min 01 sec");
  });

  it("sets verbosity by PUT only", async () => {
    const world = createWorld();
    const put = (text: string) =>
      world.send("PUT", "/debug/flags/v", { body: async () => new TextEncoder().encode(text) });
    expect(await put("4")).toMatchObject({ status: 200, body: "successfully set klog.logging.verbosity to 4\n" });
    expect(world.verbosity).toBe(4);
    expect(await put("loud")).toMatchObject({ status: 400 });
    expect(await world.send("GET", "/debug/flags/v")).toMatchObject({
      status: 406,
      body: "unsupported http method\n",
    });
  });

  it("takes profiles, and none that shows values", async () => {
    const world = createWorld();
    expect((await world.send("GET", "/debug/pprof/heap")).body).toBe("in-use over 5");
    expect((await world.send("GET", "/debug/pprof/allocs?seconds=2")).body).toBe("all over 2");
    expect((await world.send("GET", "/debug/pprof/cmdline")).body).toBe("node\0orlop");
    expect((await world.send("GET", "/debug/pprof/")).body).toContain('<a href="profile">');
    expect(await world.send("GET", "/debug/pprof/secrets")).toMatchObject({ status: 404, body: "Unknown profile\n" });
  });

  it("says what is missing for logs", async () => {
    const world = createWorld();
    expect(await world.send("GET", "/containerLogs/default/none/main")).toMatchObject({
      status: 404,
      body: 'pod "none" does not exist',
    });
    expect(await world.send("GET", "/containerLogs/default/web/zz")).toMatchObject({
      status: 404,
      body: 'container "zz" not found in pod "web"',
    });
    expect(await world.send("GET", "/containerLogs/default/web/main?tailLines=x")).toMatchObject({
      status: 400,
      body: '{"message": "Unable to decode query."}',
    });
    expect(await world.send("GET", "/containerLogs/default/web/main?tailLines=-1")).toMatchObject({
      status: 422,
      body: '{"message": "Invalid request."}',
    });
  });

  it("redirects unclean paths without serving them", async () => {
    const world = createWorld();
    expect(await world.send("GET", "/exec/../pods?x=1")).toMatchObject({
      status: 307,
      headers: { location: "/pods?x=1" },
    });
    expect(await world.send("GET", "/logs")).toMatchObject({ status: 307, headers: { location: "/logs/" } });
    expect(await world.send("GET", "/exec/%2e%2e/pods")).toMatchObject({ status: 404, body: "404: Page Not Found" });
  });
});
