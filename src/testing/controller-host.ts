import type { ControllerDeps } from "../controllers/controller.ts";
import { type ClusterClient, createClusterClient } from "../machinery/cluster-client.ts";
import { createEvents } from "../machinery/events.ts";
import { createInformers } from "../machinery/informers.ts";
import { createUnitGroup, runUnits, type Unit } from "../machinery/unit.ts";
import type { Log } from "../ports/log.ts";
import { startTestApiServer, type TestApiServer, type TestApiServerOptions } from "./api-server.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { quietLog, seededRandom } from "./quiet.ts";

export interface ControllerHost {
  readonly server: TestApiServer;
  /** As an administrator. */
  readonly client: ClusterClient;
  readonly clock: FakeClock;
  readonly signal: AbortSignal;
  /** Lets time pass in small steps until the check does not throw and does not give false; throws its last failure after a minute of that time. */
  until(check: () => unknown): Promise<void>;
  stop(): Promise<void>;
}

export interface ControllerHostOptions extends Omit<TestApiServerOptions, "clock"> {
  readonly log?: Log;
}

/** Runs controllers against an API server in this process, on a clock that the test moves. */
export async function startControllers(
  controllers: (deps: ControllerDeps) => readonly Unit[],
  options: ControllerHostOptions = {},
): Promise<ControllerHost> {
  const clock = createFakeClock();
  const server = await startTestApiServer({ ...options, clock });
  const log = options.log ?? quietLog();
  const random = seededRandom(7);
  const client = createClusterClient({ transport: server.connect(), userAgent: "controller-test" });
  const informers = createInformers({ client, clock, random, log });
  const events = createEvents({ client, clock, random, log });
  const units = controllers({ client, informers, events, clock, random, log });
  const stopping = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    const all = [informers.unit, createUnitGroup("controllers", units, "together"), events.unit];
    ended = runUnits(all, stopping.signal, resolve);
    ended.catch(reject);
  });
  return {
    server,
    client,
    clock,
    signal: new AbortController().signal,
    async until(check) {
      for (let turn = 0; ; turn++) {
        try {
          if ((await check()) === false) throw new Error("the condition was never met");
          return;
        } catch (failure) {
          if (turn >= 1_200) throw failure;
        }
        await clock.advance(50);
      }
    },
    async stop() {
      stopping.abort();
      await ended;
      await server.stop();
    },
  };
}
