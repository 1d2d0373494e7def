import { describe, expect, it } from "vitest";
import { runtimeConformance } from "../../ports/container-runtime.conformance.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createMemoryRuntime } from "./runtime.ts";

runtimeConformance("memory", {
  create: async () =>
    createMemoryRuntime(
      { clock: createFakeClock() },
      {
        images: ["busybox:1.36"],
        script: () => ({
          exec: (command) => {
            const text = (value: string): Uint8Array => new TextEncoder().encode(value);
            return command[0] === "cat"
              ? { stdout: text("0 524288 65536\n"), stderr: text(""), exitCode: 0 }
              : { stdout: text("out\n"), stderr: text("err\n"), exitCode: 7 };
          },
        }),
      },
    ),
  image: "busybox:1.36",
  logRoot: "/logs",
});

describe("createMemoryRuntime()", () => {
  it("ends a container by its script, and at once when it is told to", async ({ signal }) => {
    const clock = createFakeClock();
    const runtime = createMemoryRuntime(
      { clock },
      { images: ["x:1"], script: () => ({ exitAfterMs: 500, exitCode: 3 }) },
    );
    const metadata = { name: "p", namespace: "n", uid: "u", attempt: 0 };
    const sandbox = {
      metadata,
      hostname: "",
      logDirectory: "/logs",
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
    } as const;
    const config = {
      metadata: { name: "c", attempt: 0 },
      image: { reference: "x:1", userSpecified: "x:1" },
      command: [],
      args: [],
      workingDir: "",
      env: [],
      mounts: [],
      devices: [],
      labels: {},
      annotations: {},
      logPath: "c/0.log",
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
    } as const;
    const sandboxId = await runtime.sandboxes.run(sandbox, "", signal);
    const first = await runtime.containers.create(sandboxId, config, sandbox, signal);
    const second = await runtime.containers.create(sandboxId, config, sandbox, signal);
    await runtime.containers.start(first, signal);
    await runtime.containers.start(second, signal);
    runtime.exit(second, 9, "OOMKilled");
    await clock.advance(500);
    expect(await runtime.containers.status(first, signal)).toMatchObject({ state: "exited", exitCode: 3 });
    expect(await runtime.containers.status(second, signal)).toMatchObject({ exitCode: 9, reason: "OOMKilled" });
  });
});
