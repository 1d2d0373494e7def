import { OrlopError } from "../../lib/orlop-error.ts";
import type { ContainerRuntime } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import { fromContainer, fromContainerStatus } from "./from-cri.ts";
import { RuntimeServiceDefinition as service } from "./generated/cri.ts";
import { toContainerConfig, toSandboxConfig } from "./to-cri.ts";

export function createCriContainers(calls: CriCalls): ContainerRuntime {
  const { methods } = service;
  return {
    async create(sandboxId, config, sandbox, signal) {
      const request = {
        podSandboxId: sandboxId,
        config: toContainerConfig(config, sandbox),
        sandboxConfig: toSandboxConfig(sandbox),
      };
      return (await calls.runtime(methods.createContainer, request, signal)).containerId;
    },
    async start(id, signal) {
      await calls.runtime(methods.startContainer, { containerId: id }, signal);
    },
    async stop(id, timeoutSeconds, signal) {
      const request = { containerId: id, timeout: BigInt(Math.ceil(timeoutSeconds)) };
      const deadlineMs = calls.timeoutMs + timeoutSeconds * 1000;
      await calls.absentIsFine(calls.runtime(methods.stopContainer, request, signal, deadlineMs));
    },
    async remove(id, signal) {
      await calls.absentIsFine(calls.runtime(methods.removeContainer, { containerId: id }, signal));
    },
    async status(id, signal) {
      const { status, info } = await calls.runtime(methods.containerStatus, { containerId: id, verbose: true }, signal);
      if (status === undefined) throw new OrlopError("NotFound", `the runtime has no status of container ${id}`);
      return fromContainerStatus(status, verboseInfo(info["info"]));
    },
    async list(labels, signal) {
      const request = { filter: { id: "", podSandboxId: "", labelSelector: { ...labels } } };
      return (await calls.runtime(methods.listContainers, request, signal)).containers.map(fromContainer);
    },
    async reopenLog(id, signal) {
      await calls.runtime(methods.reopenContainerLog, { containerId: id }, signal);
    },
  };
}

/** containerd and CRI-O put JSON under "info" with the process id and the sandbox; other runtimes may not. */
export function verboseInfo(text: string | undefined): { readonly pid?: number; readonly sandboxId?: string } {
  if (text === undefined) return {};
  // The JSON holds the whole OCI specification; parsing it for two numbers would cost more than the call.
  const pid = /"pid":\s*([0-9]+)/.exec(text)?.[1];
  const sandboxId = /"sandboxI[Dd]":\s*"([0-9A-Za-z_.-]+)"/.exec(text)?.[1];
  return {
    ...(pid !== undefined && pid !== "0" && { pid: Number(pid) }),
    ...(sandboxId !== undefined && { sandboxId }),
  };
}
