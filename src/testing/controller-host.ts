import type { ControllerDeps } from "../controllers/controller.ts";
import { type ClusterClient, createClusterClient } from "../machinery/cluster-client.ts";
import { createEvents } from "../machinery/events.ts";
import { createInformers } from "../machinery/informers.ts";
import { createUnitGroup, runUnits, type Unit } from "../machinery/unit.ts";
import type { User } from "../api/user.ts";
import type { Log } from "../ports/log.ts";
import { startTestApiServer, type TestApiServer, type TestApiServerOptions } from "./api-server.ts";
import { sha256 } from "./sha256.ts";
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
  /** Who the controllers are. @default an administrator */
  readonly user?: User;
  /** Runs once the server does, before the controllers. */
  readonly prepare?: (server: TestApiServer) => Promise<void>;
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
  await options.prepare?.(server);
  const own = createClusterClient({ transport: server.connect(options.user), userAgent: "controllers" });
  const deps = { client: own, clock, random, log };
  const informers = createInformers(deps);
  const events = createEvents(deps);
  const units = controllers({ ...deps, informers, events, digest: sha256 });
  const stopping = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    const all = [informers.unit, createUnitGroup("controllers", units, "together"), events.unit];
    ended = runUnits(all, stopping.signal, resolve);
    ended.catch(reject);
  });
  return {
    server,
    client: createClusterClient({ transport: server.connect(), userAgent: "controller-test" }),
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
