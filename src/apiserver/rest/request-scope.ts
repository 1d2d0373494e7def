import type { KindDefinition } from "../../api/kinds/definition.ts";
import type { FeatureGates } from "../../api/feature-gates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Admission } from "../admission/admission.ts";
import type { RequestContext } from "../extension.ts";
import type { Registry } from "../resources/registry.ts";
import type { Storage } from "../storage/storage.ts";

/** What handlers of verbs are made from. */
export interface RestDeps {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly admission: Admission;
  readonly gates: FeatureGates;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told when a watch begins; returns what to call when it ends. */
  readonly watchStarted: (kind: KindDefinition) => () => void;
  /** Shortest life of a watch that names none, in ms. */
  readonly minWatchMs: number;
}

/** One request on one kind, authenticated and authorised. */
export interface RequestScope {
  readonly context: RequestContext;
  readonly kind: KindDefinition;
  readonly warn: (text: string) => void;
}
