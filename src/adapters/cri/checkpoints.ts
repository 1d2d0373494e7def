import type { CheckpointRuntime } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import { RuntimeServiceDefinition as service } from "./generated/cri.ts";

export function createCriCheckpoints(calls: CriCalls): CheckpointRuntime {
  return {
    async checkpoint(containerId, archive, timeoutSeconds, signal) {
      // A limit shorter than the usual one is not worth a half-written archive; upstream's kubelet does the same.
      const seconds = Math.max(timeoutSeconds, Math.trunc(calls.timeoutMs / 1_000));
      const request = { containerId, location: archive, timeout: BigInt(seconds) };
      await calls.runtime(service.methods.checkpointContainer, request, signal, seconds * 1_000);
    },
  };
}
