import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { RUNTIME_CLASSES } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RuntimeClasses } from "./sandbox-plan.ts";

const FRESH_MS = 60_000;
const MOST_ENTRIES = 1000;

/** Looks RuntimeClasses up by name. A class never changes its handler, so an answer is good for a while. */
export function createRuntimeClasses(deps: {
  readonly client: Pick<ClusterClient, "get">;
  readonly clock: Clock;
}): RuntimeClasses {
  const known = new Map<string, { readonly handler: string; readonly at: number }>();
  return {
    async handlerOf(name, signal) {
      if (name === undefined || name === "") return "";
      const cached = known.get(name);
      if (cached !== undefined && deps.clock.monotonic() - cached.at < FRESH_MS) return cached.handler;
      const { handler } = await deps.client.get(RUNTIME_CLASSES, { name }, signal);
      if (known.size >= MOST_ENTRIES) known.clear();
      known.set(name, { handler, at: deps.clock.monotonic() });
      return handler;
    },
  };
}
