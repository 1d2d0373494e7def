import type { StreamingRuntime } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import { RuntimeServiceDefinition as service } from "./generated/cri.ts";

export function createCriStreaming(calls: CriCalls): StreamingRuntime {
  const { methods } = service;
  return {
    async execSync(containerId, command, timeoutSeconds, signal) {
      const request = { containerId, cmd: [...command], timeout: BigInt(Math.ceil(timeoutSeconds)) };
      // Without a limit of its own the command may run as long as the caller is willing to wait.
      const deadlineMs = timeoutSeconds === 0 ? undefined : calls.timeoutMs + timeoutSeconds * 1000;
      const { stdout, stderr, exitCode } = await calls.runtimeUntil(methods.execSync, request, signal, deadlineMs);
      return { stdout, stderr, exitCode };
    },
    async execUrl({ containerId, command, ...streams }, signal) {
      return (await calls.runtime(methods.exec, { containerId, cmd: [...command], ...flags(streams) }, signal)).url;
    },
    async attachUrl({ containerId, ...streams }, signal) {
      return (await calls.runtime(methods.attach, { containerId, ...flags(streams) }, signal)).url;
    },
    async portForwardUrl(sandboxId, ports, signal) {
      return (await calls.runtime(methods.portForward, { podSandboxId: sandboxId, port: [...ports] }, signal)).url;
    },
  };
}

interface Streams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

function flags({ tty, stdin, stdout, stderr }: Streams): Streams {
  return { tty, stdin, stdout, stderr };
}
