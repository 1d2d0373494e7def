import { OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  ContainerConfig,
  ContainerStats,
  ExecResult,
  Runtime,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeEvent,
  RuntimeHandler,
  RuntimeImage,
  SandboxConfig,
  SandboxStatus,
} from "../../ports/container-runtime.ts";

/** What a container of the memory runtime does once it is started. */
export interface ContainerScript {
  /** Ends by itself after this time. Absent: runs until it is stopped. */
  readonly exitAfterMs?: number;
  /** Exit code of its own end. @default 0 */
  readonly exitCode?: number;
  /** e.g. "OOMKilled". @default "Completed" or "Error" */
  readonly reason?: string;
  /** Text of the failure of creating or starting it. */
  readonly createFailure?: string;
  readonly startFailure?: string;
  /** Keeps running when asked to stop, until the grace period is over. */
  readonly ignoresStop?: boolean;
  readonly exec?: (command: readonly string[]) => ExecResult;
}

export interface MemoryRuntimeOptions {
  /** Asked once for every container that is created. @default runs until stopped */
  readonly script?: (config: ContainerConfig, sandbox: SandboxConfig) => ContainerScript;
  /** Images that are there from the beginning. */
  readonly images?: readonly string[];
  /** What pulling an image does; a text is the failure. @default succeeds */
  readonly pull?: (reference: string) => string | undefined;
  /** @default the default handler, with user namespaces */
  readonly handlers?: readonly RuntimeHandler[];
  /** @default true */
  readonly hasEvents?: boolean;
}

/** A runtime that lives in memory and runs nothing; with hands to move what it pretends. */
export interface MemoryRuntime extends Runtime {
  /** Ends a running container from inside. */
  exit(containerId: string, exitCode: number, reason?: string): void;
  /** The sandbox process died. */
  breakSandbox(sandboxId: string): void;
  /** While set, every call fails as it does when the runtime is away. */
  setAway(away: boolean): void;
  /** Names of state-changing calls so far, e.g. "sandboxes.run default/web", "containers.start app". */
  readonly calls: readonly string[];
}

interface Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly handler: string;
  readonly createdAt: number;
  readonly ip: string;
  ready: boolean;
}

interface Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly script: ContainerScript;
  readonly createdAt: number;
  readonly logPath: string;
  state: "created" | "running" | "exited";
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  readonly ended: AbortController;
}

const SIGTERM_EXIT = 143;
const SIGKILL_EXIT = 137;
const LONGEST_QUEUE = 1000;
const DEFAULT_HANDLER: RuntimeHandler = { name: "", recursiveReadOnlyMounts: true, userNamespaces: true };

export function createMemoryRuntime(
  deps: { readonly clock: Clock },
  options: MemoryRuntimeOptions = {},
): MemoryRuntime {
  const { clock } = deps;
  const handlers = options.handlers ?? [DEFAULT_HANDLER];
  const sandboxes = new Map<string, Sandbox>();
  const containers = new Map<string, Container>();
  const images = new Map<string, RuntimeImage>();
  const listeners = new Set<(event: RuntimeEvent) => void>();
  const breaks = new Set<() => void>();
  const calls: string[] = [];
  let counter = 0;
  let away = false;

  const newId = (): string => (++counter).toString(16).padStart(64, "0");
  const fail = (code: "NotFound" | "Internal" | "Invalid" | "Unavailable", text: string): OrlopError => {
    const name = { NotFound: "NotFound", Internal: "Unknown", Invalid: "InvalidArgument", Unavailable: "Unavailable" };
    return new OrlopError(code, `rpc error: code = ${name[code]} desc = ${text}`);
  };
  const enter = (signal: AbortSignal): void => {
    signal.throwIfAborted();
    if (away) throw fail("Unavailable", "the runtime is away");
  };
  const note = (what: string): void => {
    calls.push(what);
    if (calls.length > 10_000) calls.splice(0, 5_000);
  };
  const tell = (type: RuntimeEvent["type"], id: string, sandbox: Sandbox | undefined): void => {
    const event = { type, id, sandboxId: sandbox?.id ?? "", podUid: sandbox?.config.metadata.uid ?? "" };
    for (const listener of listeners) listener(event);
  };
  const sandboxOf = (id: string): Sandbox => {
    const found = sandboxes.get(id);
    if (found === undefined) throw fail("NotFound", `an error occurred when try to find sandbox "${id}": not found`);
    return found;
  };
  const containerOf = (id: string): Container => {
    const found = containers.get(id);
    if (found === undefined) throw fail("NotFound", `an error occurred when try to find container "${id}": not found`);
    return found;
  };
  const imageOf = (reference: string): RuntimeImage | undefined =>
    images.get(reference) ?? [...images.values()].find(({ id }) => id === reference);

  function addImage(reference: string): RuntimeImage {
    const id = `sha256:${[...reference]
      .map((letter) => letter.charCodeAt(0).toString(16))
      .join("")
      .padStart(64, "0")
      .slice(-64)}`;
    const image = {
      id,
      tags: [reference],
      digests: [],
      sizeBytes: reference.length,
      username: "",
      uid: 0,
      pinned: false,
    };
    images.set(reference, image);
    return image;
  }

  function end(container: Container, exitCode: number, reason?: string): void {
    if (container.state !== "running") return;
    container.state = "exited";
    container.finishedAt = clock.now();
    container.exitCode = exitCode;
    container.reason = reason ?? (exitCode === 0 ? "Completed" : "Error");
    container.ended.abort();
    tell("stopped", container.id, sandboxes.get(container.sandboxId));
  }

  async function stopContainer(container: Container, timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    if (container.state === "created") {
      container.state = "exited";
      container.exitCode = SIGKILL_EXIT;
      return;
    }
    if (container.state !== "running") return;
    if (container.script.ignoresStop === true) {
      await clock.sleep(timeoutSeconds * 1000, AbortSignal.any([signal, container.ended.signal])).catch(() => {
        signal.throwIfAborted();
      });
      end(container, SIGKILL_EXIT);
    } else end(container, timeoutSeconds > 0 ? SIGTERM_EXIT : SIGKILL_EXIT);
  }

  function matches(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
    return Object.entries(wanted).every(([name, value]) => labels[name] === value);
  }

  function statusOfSandbox(sandbox: Sandbox, withIps: boolean): SandboxStatus {
    const { id, config, createdAt, ready, handler, ip } = sandbox;
    const { metadata, labels, annotations } = config;
    const ips = withIps && ready && config.security.network === "pod" ? [ip] : [];
    return { id, metadata, ready, createdAt, ips, labels, annotations, runtimeHandler: handler };
  }

  function describe({ id, sandboxId, config, state, createdAt }: Container): RuntimeContainer {
    const image = imageOf(config.image.reference);
    return {
      id,
      sandboxId,
      metadata: config.metadata,
      state,
      image: config.image.userSpecified,
      imageRef: image?.id ?? config.image.reference,
      imageId: image?.id ?? "",
      labels: config.labels,
      annotations: config.annotations,
      createdAt,
    };
  }

  async function runScript(container: Container): Promise<void> {
    const { exitAfterMs, exitCode = 0, reason } = container.script;
    if (exitAfterMs === undefined) return;
    try {
      await clock.sleep(exitAfterMs, container.ended.signal);
    } catch {
      return;
    }
    end(container, exitCode, reason);
  }

  for (const reference of options.images ?? []) addImage(reference);

  return {
    calls,
    exit: (id, exitCode, reason) => end(containerOf(id), exitCode, reason),
    breakSandbox(id) {
      const sandbox = sandboxOf(id);
      sandbox.ready = false;
      for (const container of containers.values()) if (container.sandboxId === id) end(container, SIGKILL_EXIT);
      tell("stopped", id, sandbox);
    },
    setAway(value) {
      away = value;
      if (value) for (const breakOff of breaks) breakOff();
    },
    sandboxes: {
      async run(config, handler, signal) {
        enter(signal);
        if (!handlers.some(({ name }) => name === handler)) {
          throw fail("Internal", `failed to get sandbox runtime: no runtime for "${handler}" is configured`);
        }
        const id = newId();
        const ip = `10.88.${Math.floor(counter / 250) % 250}.${(counter % 250) + 2}`;
        const sandbox: Sandbox = { id, config, handler, createdAt: clock.now(), ip, ready: true };
        sandboxes.set(id, sandbox);
        note(`sandboxes.run ${config.metadata.namespace}/${config.metadata.name}`);
        tell("created", id, sandbox);
        tell("started", id, sandbox);
        return id;
      },
      async stop(id, signal) {
        enter(signal);
        const sandbox = sandboxes.get(id);
        if (sandbox === undefined || !sandbox.ready) return;
        for (const container of containers.values()) if (container.sandboxId === id) end(container, SIGKILL_EXIT);
        sandbox.ready = false;
        note(`sandboxes.stop ${sandbox.config.metadata.namespace}/${sandbox.config.metadata.name}`);
        tell("stopped", id, sandbox);
      },
      async remove(id, signal) {
        enter(signal);
        const sandbox = sandboxes.get(id);
        if (sandbox === undefined) return;
        for (const container of containers.values()) {
          if (container.sandboxId !== id) continue;
          end(container, SIGKILL_EXIT);
          containers.delete(container.id);
        }
        sandboxes.delete(id);
        note(`sandboxes.remove ${sandbox.config.metadata.namespace}/${sandbox.config.metadata.name}`);
        tell("deleted", id, sandbox);
      },
      async status(id, signal) {
        enter(signal);
        return statusOfSandbox(sandboxOf(id), true);
      },
      async list(labels, signal) {
        enter(signal);
        return [...sandboxes.values()]
          .filter(({ config }) => matches(config.labels, labels))
          .map((sandbox) => statusOfSandbox(sandbox, false));
      },
    },
    containers: {
      async create(sandboxId, config, sandboxConfig, signal) {
        enter(signal);
        const sandbox = sandboxOf(sandboxId);
        if (!sandbox.ready) throw fail("Internal", `sandbox container "${sandboxId}" is not running`);
        if (imageOf(config.image.reference) === undefined) {
          throw fail("NotFound", `failed to resolve image "${config.image.reference}": not found`);
        }
        const script = options.script?.(config, sandboxConfig) ?? {};
        if (script.createFailure !== undefined) throw fail("Internal", script.createFailure);
        const id = newId();
        const container: Container = {
          id,
          sandboxId,
          config,
          script,
          createdAt: clock.now(),
          logPath: `${sandbox.config.logDirectory}/${config.logPath}`,
          state: "created",
          startedAt: 0,
          finishedAt: 0,
          exitCode: 0,
          reason: "",
          ended: new AbortController(),
        };
        containers.set(id, container);
        note(`containers.create ${config.metadata.name}`);
        tell("created", id, sandbox);
        return id;
      },
      async start(id, signal) {
        enter(signal);
        const container = containerOf(id);
        if (container.state !== "created") throw fail("Internal", `container "${id}" is in ${container.state} state`);
        if (container.script.startFailure !== undefined) {
          container.state = "exited";
          container.finishedAt = clock.now();
          container.exitCode = 128;
          container.reason = "StartError";
          throw fail("Internal", container.script.startFailure);
        }
        container.state = "running";
        container.startedAt = clock.now();
        note(`containers.start ${container.config.metadata.name}`);
        tell("started", id, sandboxes.get(container.sandboxId));
        void runScript(container);
      },
      async stop(id, timeoutSeconds, signal) {
        enter(signal);
        const container = containers.get(id);
        if (container === undefined) return;
        note(`containers.stop ${container.config.metadata.name}`);
        await stopContainer(container, timeoutSeconds, signal);
      },
      async remove(id, signal) {
        enter(signal);
        const container = containers.get(id);
        if (container === undefined) return;
        end(container, SIGKILL_EXIT);
        containers.delete(id);
        note(`containers.remove ${container.config.metadata.name}`);
        tell("deleted", id, sandboxes.get(container.sandboxId));
      },
      async status(id, signal): Promise<RuntimeContainerStatus> {
        enter(signal);
        const container = containerOf(id);
        const { startedAt, finishedAt, exitCode, reason, logPath, config } = container;
        const { runAsUser = 0, runAsGroup = 0, supplementalGroups } = config.security;
        return {
          ...describe(container),
          startedAt,
          finishedAt,
          exitCode,
          reason,
          message: "",
          logPath,
          mounts: config.mounts,
          user: { uid: runAsUser, gid: runAsGroup, supplementalGroups },
          resources: config.resources,
        };
      },
      async list(labels, signal) {
        enter(signal);
        return [...containers.values()].filter(({ config }) => matches(config.labels, labels)).map(describe);
      },
      async reopenLog(id, signal) {
        enter(signal);
        if (containerOf(id).state !== "running") throw fail("Internal", "container is not running");
        note(`containers.reopenLog ${containerOf(id).config.metadata.name}`);
      },
    },
    streaming: {
      async execSync(id, command, _timeoutSeconds, signal) {
        enter(signal);
        const container = containerOf(id);
        if (container.state !== "running") throw fail("Internal", `container is in ${container.state} state`);
        const nothing = new Uint8Array();
        return container.script.exec?.(command) ?? { stdout: nothing, stderr: nothing, exitCode: 0 };
      },
      async execUrl({ containerId }, signal) {
        enter(signal);
        return `http://127.0.0.1:0/exec/${containerOf(containerId).id}`;
      },
      async attachUrl({ containerId }, signal) {
        enter(signal);
        return `http://127.0.0.1:0/attach/${containerOf(containerId).id}`;
      },
      async portForwardUrl(sandboxId, _ports, signal) {
        enter(signal);
        return `http://127.0.0.1:0/portforward/${sandboxOf(sandboxId).id}`;
      },
    },
    checkpoints: {
      async checkpoint(id, archive, _timeoutSeconds, signal) {
        enter(signal);
        const { state, config } = containerOf(id);
        if (state !== "running") throw fail("Internal", `container is in ${state} state`);
        note(`checkpoints.checkpoint ${config.metadata.name} ${archive}`);
      },
    },
    images: {
      async status(reference, signal) {
        enter(signal);
        return imageOf(reference);
      },
      async pull(reference, _credentials, _sandbox, signal) {
        enter(signal);
        note(`images.pull ${reference}`);
        const failure = options.pull?.(reference);
        if (failure !== undefined) throw fail("NotFound", failure);
        return addImage(reference).id;
      },
      async list(signal) {
        enter(signal);
        return [...images.values()];
      },
      async remove(reference, signal) {
        enter(signal);
        const found = imageOf(reference);
        for (const [name, image] of images) if (image === found) images.delete(name);
      },
      async filesystem(signal) {
        enter(signal);
        const usedBytes = [...images.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        return { mountpoint: "/memory", usedBytes, usedInodes: images.size };
      },
    },
    observer: {
      async version(signal) {
        enter(signal);
        return { name: "memory", version: "1.0.0", apiVersion: "v1" };
      },
      async status(signal) {
        enter(signal);
        return {
          runtimeReady: true,
          networkReady: true,
          message: "",
          handlers,
          supplementalGroupsPolicy: true,
          userNamespacesHostNetwork: false,
        };
      },
      async cgroupDriver(signal) {
        enter(signal);
        return undefined;
      },
      async updatePodCidr(_cidr, signal) {
        enter(signal);
      },
      async containerStats(labels, signal): Promise<readonly ContainerStats[]> {
        enter(signal);
        return [...containers.values()]
          .filter(({ config, state }) => state === "running" && matches(config.labels, labels))
          .map(({ id, config }) => ({ containerId: id, labels: config.labels, timestamp: clock.now() }));
      },
      async *events(signal) {
        enter(signal);
        if (options.hasEvents === false) {
          throw new OrlopError("Unsupported", "rpc error: code = Unimplemented desc = the runtime has no events");
        }
        const queue: RuntimeEvent[] = [];
        let broken = false;
        let wake = (): void => undefined;
        const listener = (event: RuntimeEvent): void => {
          // Who does not keep up is cut off, and has to look for himself.
          if (queue.length >= LONGEST_QUEUE) broken = true;
          else queue.push(event);
          wake();
        };
        const breakOff = (): void => {
          broken = true;
          wake();
        };
        listeners.add(listener);
        breaks.add(breakOff);
        signal.addEventListener("abort", breakOff, { once: true });
        try {
          for (;;) {
            const next = queue.shift();
            if (next !== undefined) {
              yield next;
              continue;
            }
            if (signal.aborted) return;
            if (broken) throw fail("Unavailable", "the runtime is away");
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        } finally {
          listeners.delete(listener);
          breaks.delete(breakOff);
          signal.removeEventListener("abort", breakOff);
        }
      },
    },
  };
}
