import type { IndirectWay } from "./indirect-way.ts";
import type { Principal } from "./principals.ts";

/** What must be there for a takeover to work. */
const NEEDS = ["nothing", "pod-of-account", "workload-in-namespace"] as const;
export type Needs = (typeof NEEDS)[number];

/** Somebody who can become any principal of a scope, or named ones. */
export interface Takeover extends Pick<IndirectWay, "method" | "role" | "capabilities"> {
  readonly principal: Principal;
  readonly needs: Needs;
}

export type IsMet = (needs: Needs) => boolean;

/** Takeovers by whom they take over. */
export interface TakeoverIndex {
  add(key: string, takeover: Takeover): void;
  /** Takes out those of a key whose needs are met. */
  take(key: string, isMet: IsMet): readonly Takeover[];
  takeAll(wanted: (key: string) => boolean, isMet: IsMet): readonly Takeover[];
}

/** Kept apart by what they need, so that those whose needs are not met are not walked through for each target. */
export function createTakeoverIndex(): TakeoverIndex {
  const byNeeds: Readonly<Record<Needs, Map<string, Takeover[]>>> = {
    nothing: new Map(),
    "pod-of-account": new Map(),
    "workload-in-namespace": new Map(),
  };
  const met = (isMet: IsMet): readonly Map<string, Takeover[]>[] => NEEDS.filter(isMet).map((needs) => byNeeds[needs]);
  const takeFrom = (map: Map<string, Takeover[]>, key: string): readonly Takeover[] => {
    const list = map.get(key) ?? [];
    map.delete(key);
    return list;
  };
  return {
    add(key, takeover) {
      const map = byNeeds[takeover.needs];
      const list = map.get(key) ?? [];
      list.push(takeover);
      map.set(key, list);
    },
    take: (key, isMet) => met(isMet).flatMap((map) => takeFrom(map, key)),
    takeAll: (wanted, isMet) =>
      met(isMet).flatMap((map) => [...map.keys()].filter(wanted).flatMap((key) => takeFrom(map, key))),
  };
}
