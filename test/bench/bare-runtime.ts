import { tmpdir } from "node:os";
import { createCriRuntime } from "../../src/adapters/cri/runtime.ts";
import type { ContainerConfig, SandboxConfig } from "../../src/ports/container-runtime.ts";

export interface BareRuntime {
  /** Milliseconds from asking for a sandbox to its one container running. */
  start(name: string): Promise<number>;
  /** Stops and removes everything started. */
  clear(): Promise<void>;
  close(): void;
}

/** The CRI calls a pod can not do without, and nothing else: the floor under create-to-Running. */
export function bareRuntime(endpoint: string, image: string): BareRuntime {
  const runtime = createCriRuntime({ endpoint });
  const signal = AbortSignal.timeout(600_000);
  const sandboxes: string[] = [];
  return {
    async start(name) {
      const began = performance.now();
      const sandbox = sandboxNamed(name);
      const id = await runtime.sandboxes.run(sandbox, "", signal);
      sandboxes.push(id);
      const container = await runtime.containers.create(id, containerOf(image), sandbox, signal);
      await runtime.containers.start(container, signal);
      return performance.now() - began;
    },
    async clear() {
      for (const id of sandboxes.splice(0)) {
        await runtime.sandboxes.stop(id, signal);
        await runtime.sandboxes.remove(id, signal);
      }
    },
    close: () => runtime.close(),
  };
}

function sandboxNamed(name: string): SandboxConfig {
  return {
    metadata: { name, namespace: "bench", uid: `bench-${name}`, attempt: 0 },
    hostname: name,
    logDirectory: tmpdir(),
    dns: { servers: [], searches: [], options: [] },
    portMappings: [],
    labels: {},
    annotations: {},
    cgroupParent: "",
    sysctls: {},
    security: {
      network: "pod",
      pid: "container",
      ipc: "pod",
      privileged: false,
      supplementalGroups: [],
      seccomp: { type: "RuntimeDefault" },
    },
  };
}

function containerOf(image: string): ContainerConfig {
  return {
    metadata: { name: "main", attempt: 0 },
    image: { reference: image, userSpecified: image },
    command: ["sleep", "3600"],
    args: [],
    workingDir: "",
    env: [],
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: "",
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: {},
    security: {
      capabilities: { add: [], drop: [] },
      privileged: false,
      pid: "container",
      readOnlyRootFilesystem: false,
      supplementalGroups: [],
      noNewPrivileges: false,
      maskedPaths: [],
      readOnlyPaths: [],
      seccomp: { type: "Unconfined" },
    },
  };
}
