import type { KubeletConfiguration } from "../api/kubelet-configuration.ts";
import { messageOf } from "../lib/orlop-error.ts";
import type { Unit } from "../machinery/unit.ts";
import type { Clock } from "../ports/clock.ts";
import type { HttpHandler } from "../ports/http.ts";
import type { Log } from "../ports/log.ts";

/** One address the kubelet listens on. */
export interface Listener {
  /** For errors and logs, e.g. "kubelet API". */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** TLS with the kubelet's serving certificate, asking clients for one of theirs; else plain HTTP. */
  readonly secure: boolean;
  readonly handler: HttpHandler;
}

/** Makes a listener a unit that is ready when it listens. */
export type Listen = (listener: Listener) => Unit;

export interface ApiListenersDeps {
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Log;
  readonly main: HttpHandler;
  readonly readOnly: HttpHandler;
  readonly health: HttpHandler;
}

const RETRY_MS = 5_000;

/** The main, read-only and healthz ports, as far as they are configured. */
export function createApiListeners(deps: ApiListenersDeps, configuration: KubeletConfiguration): readonly Unit[] {
  const { address, port, readOnlyPort, healthzBindAddress, healthzPort, enableServer } = configuration;
  const units: Unit[] = [];
  if (enableServer) {
    units.push(deps.listen({ name: "kubelet API", host: address, port, secure: true, handler: deps.main }));
    if (readOnlyPort > 0) {
      units.push(
        deps.listen({
          name: "kubelet read-only API",
          host: address,
          port: readOnlyPort,
          secure: false,
          handler: deps.readOnly,
        }),
      );
    }
  }
  if (healthzPort > 0) {
    const health: Listener = {
      name: "kubelet healthz",
      host: healthzBindAddress,
      port: healthzPort,
      secure: false,
      handler: deps.health,
    };
    units.push(patiently(deps, health));
  }
  return units;
}

/** The healthz port is a convenience: a port that is taken is tried again and stops nothing else. */
function patiently({ listen, clock, log }: ApiListenersDeps, listener: Listener): Unit {
  return {
    name: listener.name,
    run: async (signal, ready) => {
      ready();
      while (!signal.aborted) {
        try {
          await listen(listener).run(signal, () => undefined);
          return;
        } catch (reason) {
          if (signal.aborted) return;
          log.warn("cannot serve the healthz port, trying again", { port: listener.port, reason: messageOf(reason) });
          await clock.sleep(RETRY_MS, signal).catch(() => undefined);
        }
      }
    },
  };
}
