import type { ClusterClient } from "../machinery/cluster-client.ts";
import type { Events } from "../machinery/events.ts";
import type { Informers } from "../machinery/informers.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";

/** What every controller works with. Informers and recorders are asked for while constructing, before anything runs. */
export interface ControllerDeps {
  readonly client: ClusterClient;
  readonly informers: Informers;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** SHA-256 in hexadecimal digits. */
  readonly digest: (text: string) => string;
}
