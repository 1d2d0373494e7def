import type { Container, Pod, Probe } from "../../api/types.ts";
import { resolvePort } from "../../core/pods/container-port.ts";
import { expandVariables } from "../../core/pods/expand-variables.ts";
import { formatGoDuration } from "../../lib/go-duration.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { StreamingRuntime } from "../../ports/container-runtime.ts";
import type { NetworkProber, ProbeAnswer } from "../../ports/network-prober.ts";
import { httpAction } from "../pods/http-action.ts";

export interface ProbeTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

/** "error": nothing was learnt about the container; the try does not count. */
export type ProbeOutcome = ProbeAnswer | { readonly result: "error"; readonly output: string };

/** Makes one try of one probe. */
export interface ProbeRunner {
  run(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome>;
}

export interface ProbeRunnerDeps {
  readonly streaming: Pick<StreamingRuntime, "execSync">;
  readonly prober: NetworkProber;
}

const LONGEST_OUTPUT = 10 * 1024;
const TRIES = 3;

export function createProbeRunner(deps: ProbeRunnerDeps, options: { readonly userAgent: string }): ProbeRunner {
  async function command(
    probe: Probe,
    target: ProbeTarget,
    seconds: number,
    signal: AbortSignal,
  ): Promise<ProbeOutcome> {
    const env = new Map((target.container.env ?? []).map(({ name, value }) => [name, value]));
    const words = (probe.exec?.command ?? []).map((word) => expandVariables(word, (name) => env.get(name)));
    try {
      const { stdout, stderr, exitCode } = await deps.streaming.execSync(target.containerId, words, seconds, signal);
      const output = (decode(stdout) + decode(stderr)).slice(0, LONGEST_OUTPUT);
      return { result: exitCode === 0 ? "success" : "failure", output };
    } catch (failure) {
      signal.throwIfAborted();
      if (failure instanceof OrlopError && failure.code === "Timeout") {
        const after = formatGoDuration(seconds * 1000);
        return { result: "failure", output: `command timed out: "${words.join(" ")}" timed out after ${after}` };
      }
      return { result: "error", output: messageOf(failure) };
    }
  }

  async function once(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
    const seconds = probe.timeoutSeconds ?? 1;
    const { container, podIp } = target;
    if (probe.exec !== undefined) return command(probe, target, seconds, signal);
    if (probe.httpGet !== undefined) {
      const request = httpAction(probe.httpGet, container, podIp, options.userAgent);
      if (!request.ok) return { result: "error", output: request.reason };
      return deps.prober.http(request.value, seconds * 1000, signal);
    }
    if (probe.tcpSocket !== undefined) {
      const port = resolvePort(probe.tcpSocket.port, container);
      if (!port.ok) return { result: "error", output: port.reason };
      const host = probe.tcpSocket.host ?? "";
      return deps.prober.tcp(host === "" ? podIp : host, port.value, seconds * 1000, signal);
    }
    if (probe.grpc !== undefined) {
      const { port, service } = probe.grpc;
      return deps.prober.grpc({ host: podIp, port, service: service ?? "" }, seconds * 1000, signal);
    }
    return { result: "error", output: `missing probe handler for ${container.name}` };
  }

  return {
    async run(probe, target, signal) {
      let outcome = await once(probe, target, signal);
      for (let tries = 1; tries < TRIES && outcome.result === "error"; tries++) {
        outcome = await once(probe, target, signal);
      }
      return outcome;
    },
  };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
