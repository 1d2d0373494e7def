import { afterEach, describe, expect, it } from "vitest";
import { OrlopError } from "../lib/orlop-error.ts";
import type { ContainerConfig, Runtime, RuntimeEvent, SandboxConfig } from "./container-runtime.ts";

export interface RuntimeSubject {
  readonly create: () => Promise<Runtime>;
  /** An image that is present and has sh, sleep and cat. */
  readonly image: string;
  /** A directory of the host where logs may be written. */
  readonly logRoot: string;
  /** Title of a check -> why this subject can not do it. */
  readonly skip?: Readonly<Record<string, string>>;
}

const RUN_LABEL = "orlop.test/run";

/** What every runtime behind the port has to do, whatever it is made of. */
export function runtimeConformance(name: string, subject: RuntimeSubject): void {
  const run = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  let counter = 0;
  let runtime: Runtime | undefined;

  const check = (title: string, body: (runtime: Runtime, signal: AbortSignal) => Promise<void>): void => {
    const reason = subject.skip?.[title];
    if (reason !== undefined) {
      it.skip(`${title} (${reason})`, () => undefined);
      return;
    }
    it(title, { timeout: 60_000 }, async ({ signal }) => {
      runtime = await subject.create();
      await body(runtime, signal);
    });
  };

  const sandboxConfig = (changes: Partial<SandboxConfig> = {}): SandboxConfig => {
    const uid = `conformance-${run}-${counter++}`;
    return {
      metadata: { name: "pod", namespace: "conformance", uid, attempt: 0 },
      hostname: "pod",
      logDirectory: `${subject.logRoot}/${uid}`,
      dns: { servers: [], searches: [], options: [] },
      portMappings: [],
      labels: { [RUN_LABEL]: run, uid },
      annotations: { note: "kept" },
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
      ...changes,
    };
  };

  const containerConfig = (sandbox: SandboxConfig, changes: Partial<ContainerConfig> = {}): ContainerConfig => ({
    metadata: { name: "main", attempt: 0 },
    image: { reference: subject.image, userSpecified: subject.image },
    command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"],
    args: [],
    workingDir: "",
    env: [],
    mounts: [],
    devices: [],
    labels: { [RUN_LABEL]: run, uid: sandbox.metadata.uid, container: "main" },
    annotations: { attempt: "first" },
    logPath: "main.log",
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
    ...changes,
  });

  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
      return "no failure";
    } catch (failure) {
      return failure instanceof OrlopError ? failure.code : String(failure);
    }
  };

  describe(`Runtime conformance: ${name}`, () => {
    afterEach(async () => {
      const signal = AbortSignal.timeout(30_000);
      for (const { id } of (await runtime?.sandboxes.list({ [RUN_LABEL]: run }, signal)) ?? []) {
        await runtime?.sandboxes.stop(id, signal);
        await runtime?.sandboxes.remove(id, signal);
      }
    });

    check("a sandbox runs with an address and keeps what it was given", async ({ sandboxes }, signal) => {
      const config = sandboxConfig();
      const id = await sandboxes.run(config, "", signal);
      const status = await sandboxes.status(id, signal);
      expect(status).toMatchObject({ id, metadata: config.metadata, ready: true, annotations: { note: "kept" } });
      expect(status.labels["uid"]).toBe(config.metadata.uid);
      expect(status.ips).toHaveLength(1);
      expect(Math.abs(status.createdAt - Date.now())).toBeLessThan(10 * 365 * 86_400_000);
    });

    check("a stopped sandbox is listed as not ready until it is removed", async ({ sandboxes }, signal) => {
      const config = sandboxConfig();
      const labels = { uid: config.metadata.uid };
      const id = await sandboxes.run(config, "", signal);
      await sandboxes.stop(id, signal);
      expect(await sandboxes.list(labels, signal)).toMatchObject([{ id, ready: false }]);
      await sandboxes.remove(id, signal);
      expect(await sandboxes.list(labels, signal)).toEqual([]);
    });

    check("stopping and removing what does not exist succeeds", async ({ sandboxes, containers, images }, signal) => {
      await sandboxes.stop("no-such-sandbox", signal);
      await sandboxes.remove("no-such-sandbox", signal);
      await containers.stop("no-such-container", 1, signal);
      await containers.remove("no-such-container", signal);
      await images.remove("localhost/no-such-image:latest", signal);
    });

    check("asking for what does not exist is NotFound", async ({ sandboxes, containers }, signal) => {
      expect(await codeOf(sandboxes.status("no-such-sandbox", signal))).toBe("NotFound");
      expect(await codeOf(containers.status("no-such-container", signal))).toBe("NotFound");
      expect(await codeOf(containers.start("no-such-container", signal))).toBe("NotFound");
    });

    check("lists are filtered by labels", async ({ sandboxes, containers }, signal) => {
      const [one, other] = [sandboxConfig(), sandboxConfig()];
      const id = await sandboxes.run(one, "", signal);
      await sandboxes.run(other, "", signal);
      const container = await containers.create(id, containerConfig(one), one, signal);
      expect((await sandboxes.list({ uid: one.metadata.uid }, signal)).map((found) => found.id)).toEqual([id]);
      expect((await containers.list({ uid: one.metadata.uid }, signal)).map((found) => found.id)).toEqual([container]);
      expect(await containers.list({ uid: other.metadata.uid }, signal)).toEqual([]);
    });

    check("a container goes from created over running to exited", async ({ sandboxes, containers }, signal) => {
      const sandbox = sandboxConfig();
      const sandboxId = await sandboxes.run(sandbox, "", signal);
      const config = containerConfig(sandbox);
      const id = await containers.create(sandboxId, config, sandbox, signal);
      expect(await containers.status(id, signal)).toMatchObject({ state: "created", startedAt: 0, finishedAt: 0 });
      await containers.start(id, signal);
      const running = await containers.status(id, signal);
      expect(running).toMatchObject({
        id,
        state: "running",
        metadata: config.metadata,
        annotations: { attempt: "first" },
      });
      expect(running.startedAt).toBeGreaterThan(0);
      await containers.stop(id, 5, signal);
      const exited = await containers.status(id, signal);
      expect(exited.state).toBe("exited");
      expect(exited.finishedAt).toBeGreaterThanOrEqual(exited.startedAt);
      expect(exited.logPath).toBe(`${sandbox.logDirectory}/main.log`);
    });

    check("a container is listed with its sandbox", async ({ sandboxes, containers }, signal) => {
      const sandbox = sandboxConfig();
      const sandboxId = await sandboxes.run(sandbox, "", signal);
      const id = await containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      expect(await containers.list({ uid: sandbox.metadata.uid }, signal)).toMatchObject([
        { id, sandboxId, state: "created", metadata: { name: "main", attempt: 0 } },
      ]);
    });

    check("stopping a sandbox stops its containers", async ({ sandboxes, containers }, signal) => {
      const sandbox = sandboxConfig();
      const sandboxId = await sandboxes.run(sandbox, "", signal);
      const id = await containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      await containers.start(id, signal);
      await sandboxes.stop(sandboxId, signal);
      expect((await containers.status(id, signal)).state).toBe("exited");
    });

    check("no container is created in a sandbox that is gone", async ({ sandboxes, containers }, signal) => {
      const sandbox = sandboxConfig();
      const create = containers.create("no-such-sandbox", containerConfig(sandbox), sandbox, signal);
      expect(await codeOf(create)).not.toBe("no failure");
      expect(await sandboxes.list({ uid: sandbox.metadata.uid }, signal)).toEqual([]);
    });

    check("a command runs in a running container and its exit code comes back", async (runtime, signal) => {
      const sandbox = sandboxConfig();
      const sandboxId = await runtime.sandboxes.run(sandbox, "", signal);
      const id = await runtime.containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      await runtime.containers.start(id, signal);
      const result = await runtime.streaming.execSync(id, ["sh", "-c", "echo out; echo err >&2; exit 7"], 5, signal);
      expect(new TextDecoder().decode(result.stdout)).toBe("out\n");
      expect(new TextDecoder().decode(result.stderr)).toBe("err\n");
      expect(result.exitCode).toBe(7);
    });

    check("what does not exist has no checkpoint", async (runtime, signal) => {
      const archive = `${subject.logRoot}/none.tar`;
      await expect(runtime.checkpoints.checkpoint("none", archive, 0, signal)).rejects.toMatchObject({
        code: expect.stringMatching(/^(NotFound|Unsupported|Internal)$/),
      });
    });

    check("events tell of a container's life, with the pod's uid", async (runtime, signal) => {
      const sandbox = sandboxConfig();
      const stop = new AbortController();
      const seen: RuntimeEvent[] = [];
      const listening = (async () => {
        for await (const event of runtime.observer.events(AbortSignal.any([signal, stop.signal]))) seen.push(event);
      })();
      // The stream may take a moment to be established; a first pod shows when it is.
      for (let tries = 0; tries < 50 && seen.length === 0; tries++) {
        const probe = sandboxConfig();
        const id = await runtime.sandboxes.run(probe, "", signal);
        await runtime.sandboxes.stop(id, signal);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const sandboxId = await runtime.sandboxes.run(sandbox, "", signal);
      const id = await runtime.containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      await runtime.containers.start(id, signal);
      await runtime.containers.stop(id, 5, signal);
      const types = (): readonly string[] => seen.filter((event) => event.id === id).map(({ type }) => type);
      for (let tries = 0; tries < 200 && !types().includes("stopped"); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      stop.abort();
      await listening;
      expect(types()).toEqual(expect.arrayContaining(["started", "stopped"]));
      expect(seen.filter((event) => event.id === id).every(({ podUid }) => podUid === sandbox.metadata.uid)).toBe(true);
    });

    check("a present image is found by name and by id", async ({ images }, signal) => {
      const image = await images.status(subject.image, signal);
      expect(image?.id).toMatch(/^sha256:[0-9a-f]{64}$/u);
      expect(await images.status(image?.id ?? "", signal)).toMatchObject({ id: image?.id });
      expect(await images.status("localhost/no-such-image:latest", signal)).toBeUndefined();
      expect((await images.list(signal)).map(({ id }) => id)).toContain(image?.id);
    });

    check("the runtime says who it is and that it is ready", async ({ observer }, signal) => {
      expect((await observer.version(signal)).apiVersion).toBe("v1");
      const status = await observer.status(signal);
      expect(status).toMatchObject({ runtimeReady: true, networkReady: true });
      expect(status.handlers.map((handler) => handler.name)).toContain("");
    });

    check("a pod can have user IDs of its own", async (runtime, signal) => {
      const lines = [{ hostId: 524_288, containerId: 0, length: 65_536 }];
      const plain = sandboxConfig();
      const sandbox = {
        ...plain,
        security: { ...plain.security, userNamespace: { uidMappings: lines, gidMappings: lines } },
      };
      const sandboxId = await runtime.sandboxes.run(sandbox, "", signal);
      const id = await runtime.containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      await runtime.containers.start(id, signal);
      const map = await runtime.streaming.execSync(id, ["cat", "/proc/self/uid_map"], 5, signal);
      expect(new TextDecoder().decode(map.stdout).trim().split(/\s+/u)).toEqual(["0", "524288", "65536"]);
    });

    check("statistics name the running containers", async (runtime, signal) => {
      const sandbox = sandboxConfig();
      const sandboxId = await runtime.sandboxes.run(sandbox, "", signal);
      const id = await runtime.containers.create(sandboxId, containerConfig(sandbox), sandbox, signal);
      await runtime.containers.start(id, signal);
      const stats = await runtime.observer.containerStats({ uid: sandbox.metadata.uid }, signal);
      expect(stats.map(({ containerId }) => containerId)).toEqual([id]);
    });

    check("an aborted signal ends a call", async ({ sandboxes }) => {
      const failure: unknown = await sandboxes
        .list({}, AbortSignal.abort(new Error("stop it")))
        .catch((reason: unknown) => reason);
      expect(failure).toMatchObject({ message: "stop it" });
    });
  });
}
