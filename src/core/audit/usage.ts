import { classifyKubeletRequest, isConnectPath } from "../authz/kubelet-request.ts";
import { ALL_AUTHENTICATED, ALL_SERVICE_ACCOUNTS } from "./principals.ts";
import type { UsageEvent } from "./usage-event.ts";

/** Presence and counts of one kind of use by one subject. */
export interface UsageLine {
  readonly user: string;
  /** As the API server knew them, without those everybody is in. */
  readonly groups: readonly string[];
  readonly through: "kubelet" | "api-server";
  readonly verb: string;
  /** Asked of the kubelet, or the one that a direct request for the path would ask. */
  readonly subresource: string;
  /** Path at the kubelet, shortened to its first part; only through the API server. */
  readonly path?: string;
  /** Runs, attaches or tunnels; only through the API server can that be seen. */
  readonly connects?: boolean;
  readonly nodes: readonly string[];
  /** More nodes than are listed. */
  readonly moreNodes: boolean;
  readonly count: number;
  readonly allowed: number;
  readonly denied: number;
  /** Asked without a narrower question shortly before: no fine-grained subresource covers what was wanted. */
  readonly withoutFineGrained?: number;
  /** Nodes that happened on. */
  readonly withoutFineGrainedOn?: readonly string[];
  readonly first: string;
  readonly last: string;
}

export interface Usage {
  readonly lines: readonly UsageLine[];
  readonly events: number;
  /** Reviews by kubelets that said what was asked. 0: use of port 10250 can not be seen in these logs. */
  readonly reviews: number;
  readonly reviewsWithoutBody: number;
  /** Reviews of rights on kubelets that no kubelet asked for; not counted as use. */
  readonly reviewsByOthers: number;
  /** Uses that were counted without their node because there were too many. */
  readonly collapsed: number;
  readonly first: string;
  readonly last: string;
}

export interface UsageCollector {
  add(event: UsageEvent): void;
  finish(): Usage;
}

export interface UsageOptions {
  /** Pairs of use and node that are kept apart; beyond that uses are still counted. @default 400_000 */
  readonly maximumEntries?: number;
}

/** A denied answer is cached by kubelets for 30 s, so the narrower question may lie that far back. */
const FINE_GRAINED_WINDOW_MS = 35_000;
const MAXIMUM_GROUPS = 50;
const FINE_GRAINED: ReadonlySet<string> = new Set(["pods", "healthz", "configz"]);

interface Entry {
  readonly key: Pick<UsageLine, "user" | "through" | "verb" | "subresource" | "path" | "connects">;
  readonly groups: Set<string>;
  readonly nodes: Set<string>;
  moreNodes: boolean;
  count: number;
  allowed: number;
  denied: number;
  withoutFineGrained: number;
  readonly withoutFineGrainedOn: Set<string>;
  first: string;
  last: string;
}

/** Sums up uses in bounded memory. Events are expected roughly in order of time. */
export function createUsageCollector(options: UsageOptions = {}): UsageCollector {
  const maximumEntries = options.maximumEntries ?? 400_000;
  const entries = new Map<string, Entry>();
  const lastFineGrained = new Map<string, number>();
  /** Requests that were counted when they began. */
  const begun = new Set<string>();
  let pairs = 0;
  let events = 0;
  let [reviews, reviewsWithoutBody, reviewsByOthers] = [0, 0, 0];
  let collapsed = 0;
  let first = "";
  let last = "";

  const count = (key: Entry["key"], event: Extract<UsageEvent, { readonly user: string }>): Entry => {
    const id = `${key.through}|${key.user}|${key.verb}|${key.subresource}|${key.path ?? ""}`;
    const entry = entries.get(id) ?? {
      key,
      groups: new Set<string>(),
      nodes: new Set<string>(),
      moreNodes: false,
      count: 0,
      allowed: 0,
      denied: 0,
      withoutFineGrained: 0,
      withoutFineGrainedOn: new Set<string>(),
      first: event.at,
      last: event.at,
    };
    if (entry.count === 0) {
      if (entries.size >= maximumEntries) {
        collapsed += 1;
        return entry;
      }
      entries.set(id, entry);
    }
    if (!entry.nodes.has(event.node)) {
      if (pairs < maximumEntries) {
        pairs += 1;
        entry.nodes.add(event.node);
      } else {
        entry.moreNodes = true;
        collapsed += 1;
      }
    }
    for (const group of event.groups) {
      if (entry.groups.size < MAXIMUM_GROUPS && !isEverybodys(group)) entry.groups.add(group);
    }
    entry.count += 1;
    if (event.allowed === true) entry.allowed += 1;
    if (event.allowed === false) entry.denied += 1;
    if (event.at < entry.first) entry.first = event.at;
    if (event.at > entry.last) entry.last = event.at;
    return entry;
  };

  return {
    add(event) {
      events += 1;
      if (event.at !== "") {
        if (first === "" || event.at < first) first = event.at;
        if (event.at > last) last = event.at;
      }
      if (event.type === "no-body") {
        reviewsWithoutBody += 1;
        return;
      }
      if (event.type === "other-asker") {
        reviewsByOthers += 1;
        return;
      }
      const { user, verb, node } = event;
      if (event.type === "api-server") {
        const { path, id, begins } = event;
        if (!begins && begun.delete(id)) return;
        if (begins && id !== "" && begun.size < maximumEntries) begun.add(id);
        const { subresources } = classifyKubeletRequest("GET", path, { fineGrained: true });
        const connects = isConnectPath(path);
        const [shown] = /^\/(?:metrics\/\w+|stats\/\w+|[^/?]*)/.exec(path) ?? ["/"];
        count({ user, through: "api-server", verb, subresource: subresources[0], path: shown, connects }, event);
        return;
      }
      const { subresource, time } = event;
      reviews += 1;
      const entry = count({ user, through: "kubelet", verb, subresource }, event);
      const who = `${user}|${node}|${verb}`;
      if (FINE_GRAINED.has(subresource) && event.exact !== true) {
        if (lastFineGrained.size < maximumEntries || lastFineGrained.has(who)) lastFineGrained.set(who, time);
      } else if (subresource === "proxy") {
        const before = event.exact === true ? undefined : lastFineGrained.get(who);
        if (before === undefined || Math.abs(time - before) > FINE_GRAINED_WINDOW_MS) {
          entry.withoutFineGrained += 1;
          if (entry.nodes.has(node)) entry.withoutFineGrainedOn.add(node);
        }
      }
    },
    finish: () => ({
      lines: [...entries.values()]
        .map(
          (entry): UsageLine => ({
            ...entry.key,
            groups: [...entry.groups].sort(),
            nodes: [...entry.nodes].sort(),
            moreNodes: entry.moreNodes,
            count: entry.count,
            allowed: entry.allowed,
            denied: entry.denied,
            ...(entry.key.subresource === "proxy" &&
              entry.key.through === "kubelet" && {
                withoutFineGrained: entry.withoutFineGrained,
                withoutFineGrainedOn: [...entry.withoutFineGrainedOn].sort(),
              }),
            first: entry.first,
            last: entry.last,
          }),
        )
        .sort((a, b) => (lineKey(a) < lineKey(b) ? -1 : 1)),
      events,
      reviews,
      reviewsWithoutBody,
      reviewsByOthers,
      collapsed,
      first,
      last,
    }),
  };
}

function lineKey({ user, through, subresource, verb }: UsageLine): string {
  return [user, through, subresource, verb].join("|");
}

function isEverybodys(group: string): boolean {
  return group === ALL_AUTHENTICATED || group === ALL_SERVICE_ACCOUNTS || group.startsWith(`${ALL_SERVICE_ACCOUNTS}:`);
}
