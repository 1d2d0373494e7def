import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCriRuntime } from "../../src/adapters/cri/runtime.ts";
import { provisionedRuntime } from "../../src/adapters/runtime/provision-runtime.ts";
import { removePrivateRuntime } from "../../src/adapters/runtime/remove-private-runtime.ts";
import { type RuntimeLayout, runtimeLayout } from "../../src/adapters/runtime/runtime-layout.ts";
import { type PrivateRuntime, startPrivateRuntime } from "../../src/adapters/runtime/start-private-runtime.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import type { ContainerConfig, SandboxConfig } from "../../src/ports/container-runtime.ts";
import { runCommand } from "./harness/cluster.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => silent };
const deps = { log: silent, clock: createSystemClock() };
const { signal } = new AbortController();
const MAPPINGS = [{ hostId: 1_310_720, containerId: 0, length: 65_536 }];

function sandboxConfig(name: string, logDirectory: string, cgroupRoot: string): SandboxConfig {
  return {
    metadata: { name, namespace: "default", uid: `uid-${name}`, attempt: 0 },
    hostname: name,
    logDirectory,
    dns: { servers: [], searches: [], options: [] },
    portMappings: [{ protocol: "TCP", containerPort: 8080, hostPort: 18_931, hostIp: "" }],
    labels: { name },
    annotations: {},
    cgroupParent: `${cgroupRoot}/kubepods/besteffort/pod-${name}`,
    sysctls: {},
    security: {
      network: "pod",
      pid: "container",
      ipc: "pod",
      userNamespace: { uidMappings: MAPPINGS, gidMappings: MAPPINGS },
      privileged: false,
      supplementalGroups: [],
      seccomp: { type: "RuntimeDefault" },
    },
  };
}

function containerConfig(image: string): ContainerConfig {
  return {
    metadata: { name: "c", attempt: 0 },
    image: { reference: image, userSpecified: image },
    command: ["sh", "-c"],
    args: ["trap 'exit 0' TERM; httpd -p 8080 -h /etc; while :; do sleep 1; done"],
    workingDir: "",
    env: [],
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: "c.log",
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { oomScoreAdj: 1000 },
    security: {
      capabilities: { add: [], drop: [] },
      privileged: false,
      pid: "container",
      readOnlyRootFilesystem: false,
      supplementalGroups: [],
      noNewPrivileges: true,
      maskedPaths: [],
      readOnlyPaths: [],
      seccomp: { type: "RuntimeDefault" },
    },
  };
}

describe("private runtime", () => {
  let dataDir: string;
  let layout: RuntimeLayout;
  let runtime: PrivateRuntime;
  let containerId = "";

  const removal = async () =>
    removePrivateRuntime(
      { ...deps, connect: (endpoint) => createCriRuntime({ endpoint }) },
      { dataDir, graceSeconds: 5, signal },
    );

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "orlop-runtime-"));
    layout = runtimeLayout(dataDir);
    runtime = await startPrivateRuntime(deps, { dataDir, signal });
  });
  afterAll(async () => {
    await removal();
    await rm(dataDir, { recursive: true, force: true });
  });

  it("runs a user-namespaced pod from a locally built image, reachable by pod IP and host port", async () => {
    const cri = createCriRuntime({ endpoint: runtime.endpoint });
    try {
      const sandbox = sandboxConfig("web", dataDir, layout.cgroupRoot);
      const image = await cri.images.pull("docker.io/library/busybox:latest", undefined, sandbox, signal);
      const sandboxId = await cri.sandboxes.run(sandbox, "", signal);
      containerId = await cri.containers.create(sandboxId, containerConfig(image), sandbox, signal);
      await cri.containers.start(containerId, signal);
      const read = await cri.streaming.execSync(containerId, ["cat", "/proc/self/uid_map"], 10, signal);
      expect(Buffer.from(read.stdout).toString().trim().split(/\s+/)).toEqual(["0", "1310720", "65536"]);
      const { ips } = await cri.sandboxes.status(sandboxId, signal);
      for (const address of [`${ips[0]}:8080`, "127.0.0.1:18931"]) {
        const answer = await runCommand("curl", [
          "--silent",
          "--max-time",
          "5",
          "--retry-connrefused",
          "--retry",
          "10",
          `http://${address}/passwd`,
        ]);
        expect(answer.stdout).toContain("root:x:0:0");
      }
    } finally {
      cri.close();
    }
  });

  it("continues with the same containers after a stop, and adopts a containerd that was left running", async () => {
    await runtime.stop(signal);
    runtime = await startPrivateRuntime(deps, { dataDir, signal });
    expect(runtime.adopted).toBe(false);
    const again = await startPrivateRuntime(deps, { dataDir, signal });
    const cri = createCriRuntime({ endpoint: runtime.endpoint });
    try {
      expect((await cri.containers.status(containerId, signal)).state).toBe("running");
    } finally {
      cri.close();
    }
    // Its registry has a port of its own; the configuration of containerd is the same.
    expect(again).toMatchObject({ adopted: true, pid: runtime.pid });
  });

  it("leaves nothing on the host when it is removed, and removing again is fine", async () => {
    const software = await provisionedRuntime(layout.software);
    await removal();
    await removal();
    const processes = await runCommand("ps", ["-eo", "args"]);
    expect(
      processes.stdout.split("\n").filter((line) => /containerd|runc/.test(line) && line.includes(layout.id)),
    ).toEqual([]);
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(layout.id);
    expect(await readdir("/sys/class/net")).not.toContain(layout.bridge);
    expect((await runCommand(software?.nft ?? "", ["list", "ruleset"])).stdout).not.toMatch(
      new RegExp(`${layout.packetFilterTable}|18931`),
    );
    for (const folder of ["/run/orlop", "/var/lib/cni/results"]) {
      const names = await readdir(folder).catch(() => []);
      expect(names.filter((name) => name.includes(layout.id))).toEqual([]);
    }
    const groups = await runCommand("find", ["/sys/fs/cgroup", "-path", `*${layout.id}*`]);
    expect(groups.stdout).toBe("");
  });
});
