import type { User } from "../api/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { HttpHandler } from "../ports/http.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ApiServerParts, Objects } from "./extension.ts";

export interface ApiServerDeps {
  /** Opened by the caller, who also closes it after the units have ended. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ApiServerOptions {
  /** ClusterIP and port of the `kubernetes` service in `default`, and where it leads. Absent: no such service is made. */
  readonly kubernetesService?: {
    readonly clusterIP: string;
    readonly port: number;
    /** Where clients reach this server: address of the machine and secure port. */
    readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  };
  /** Requests worked on at the same time, watches and upgraded connections not counted; more get 429. @default 600 */
  readonly maxRequestsInFlight?: number;
  /** A request (not a watch) that takes longer is answered 504. @default 60_000 */
  readonly requestTimeoutMs?: number;
  /** Shortest life of a watch without timeoutSeconds; its real life is up to twice as long. @default 1_800_000 */
  readonly minWatchMs?: number;
}

export interface ApiServer {
  /** Answers every request; never throws. */
  readonly handler: HttpHandler;
  /** The objects for code inside the server. Usable once the unit is ready. */
  readonly objects: Objects;
  /** Loads the store, makes the objects every cluster has, ends watches when stopped. */
  readonly unit: Unit;
  /**
   * A transport into this server without sockets or credentials: requests are made as `user` (still authorised).
   * For controllers in the same process and for tests.
   */
  connect(user: User): ClusterTransport;
}

/**
 * The embedded API server. Constructing it touches nothing; run its unit, then give `handler` to a listener.
 *
 * @param parts made from the server's own objects, so that authorizers and plugins can index them
 */
export function createApiServer(
  deps: ApiServerDeps,
  parts: (objects: Objects) => ApiServerParts,
  options: ApiServerOptions = {},
): ApiServer {
  void deps;
  void parts;
  void options;
  throw new Error("not built yet");
}
