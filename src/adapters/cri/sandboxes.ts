import type { SandboxRuntime } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { verboseInfo } from "./containers.ts";
import { fromSandbox } from "./from-cri.ts";
import { RuntimeServiceDefinition as service } from "./generated/cri.ts";
import { toSandboxConfig } from "./to-cri.ts";

export function createCriSandboxes(calls: CriCalls): SandboxRuntime {
  const { methods } = service;
  return {
    async run(config, runtimeHandler, signal) {
      const request = { config: toSandboxConfig(config), runtimeHandler };
      const { podSandboxId } = await calls.runtime(methods.runPodSandbox, request, signal, calls.timeoutMs * 2);
      return podSandboxId;
    },
    async stop(id, signal) {
      await calls.absentIsFine(calls.runtime(methods.stopPodSandbox, { podSandboxId: id }, signal));
    },
    async remove(id, signal) {
      await calls.absentIsFine(calls.runtime(methods.removePodSandbox, { podSandboxId: id }, signal));
    },
    async status(id, signal) {
      const request = { podSandboxId: id, verbose: true };
      const { status, info } = await calls.runtime(methods.podSandboxStatus, request, signal);
      if (status === undefined) throw new OrlopError("NotFound", `the runtime has no status of sandbox ${id}`);
      const { pid } = verboseInfo(info["info"]);
      return { ...fromSandbox(status, status.network), ...(pid !== undefined && { pid }) };
    },
    async list(labels, signal) {
      const request = { filter: { id: "", labelSelector: { ...labels } } };
      const { items } = await calls.runtime(methods.listPodSandbox, request, signal);
      return items.map((item) => fromSandbox(item));
    },
  };
}
