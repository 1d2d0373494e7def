import { connect } from "node:net";
import type { ProbeAnswer } from "../../ports/network-prober.ts";
import { dialProblem } from "./dial-problem.ts";

export function tcpProbe(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const finish = (answer: ProbeAnswer): void => {
      signal.removeEventListener("abort", stop);
      socket.destroy();
      resolve(answer);
    };
    const stop = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.setTimeout(timeoutMs, () => {
      finish({ result: "failure", output: `dial tcp ${host}:${port}: i/o timeout` });
    });
    socket.on("connect", () => finish({ result: "success", output: "" }));
    socket.on("error", (failure) => finish({ result: "failure", output: dialProblem(failure, host, port) }));
  });
}
