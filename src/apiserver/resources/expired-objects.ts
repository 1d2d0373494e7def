import type { KindDefinition } from "../../api/kinds/definition.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Storage } from "../storage/storage.ts";
import { lifetimeOf } from "./kind-policies.ts";

/** Removes objects of kinds that do not stay (events) once their time since the last write is over. */
export async function removeExpiredObjects(deps: {
  readonly storage: Storage;
  readonly kinds: readonly KindDefinition[];
  readonly clock: Clock;
  readonly log: Log;
}): Promise<void> {
  const { storage, clock, log } = deps;
  for (const kind of deps.kinds) {
    const lifetime = lifetimeOf(kind);
    if (lifetime === undefined) continue;
    const oldest = clock.now() - lifetime;
    const expired = [...storage.collection(kind).entries()].filter(({ writtenAt }) => writtenAt < oldest);
    const removals = expired.map(({ key }) =>
      storage.write(kind, key, (current) =>
        current === undefined || current.writtenAt >= oldest
          ? { type: "keep" }
          : { type: "delete", object: current.object },
      ),
    );
    try {
      await Promise.all(removals);
    } catch (reason) {
      log.warn("expired objects could not be removed; trying again later", {
        kind: kind.kind,
        error: messageOf(reason),
      });
    }
  }
}
