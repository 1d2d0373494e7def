import { tmpdir } from "node:os";
import { createCriRuntime } from "../../src/adapters/cri/runtime.ts";
import type { ContainerConfig, IdMapping, SandboxConfig } from "../../src/ports/container-runtime.ts";

export interface BareRuntime {
  /** Milliseconds from asking for a sandbox to its one container running. */
  start(name: string): Promise<number>;
  /** Stops and removes everything started. */
  clear(): Promise<void>;
  close(): void;
}

/** What the kubelet never gives to its own pods in a test: above the ranges that a small machine's random choice is likely to hit. */
const FIRST_BARE_ID = 65_000 * 65_536;

/**
 * The CRI calls a pod can not do without, and nothing else: the floor under create-to-Running.
 *
 * @param options.hostUsers false: each pod gets a range of IDs of its own, as a kubelet would ask for. @default true
 */
export function bareRuntime(
  endpoint: string,
  image: string,
  options: { readonly hostUsers?: boolean } = {},
): BareRuntime {
  const runtime = createCriRuntime({ endpoint });
  const signal = AbortSignal.timeout(600_000);
  const sandboxes: string[] = [];
  let range = 0;
  return {
    async start(name) {
      const began = performance.now();
      const ids =
        options.hostUsers === false
          ? [{ hostId: FIRST_BARE_ID + 65_536 * (range++ % 500), containerId: 0, length: 65_536 }]
          : undefined;
      const sandbox = sandboxNamed(name, ids);
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

function sandboxNamed(name: string, ids: readonly IdMapping[] | undefined): SandboxConfig {
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
      ...(ids !== undefined && { userNamespace: { uidMappings: ids, gidMappings: ids } }),
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
