import { classifyKubeletRequest, isConnectPath } from "../authz/kubelet-request.ts";

/** One fact out of an API server's audit log. */
export type UsageEvent =
  /** A kubelet asked whether a caller may do this: the caller was at that kubelet. */
  | {
      readonly type: "kubelet";
      readonly user: string;
      readonly node: string;
      readonly verb: string;
      readonly subresource: string;
      readonly allowed: boolean | undefined;
      readonly at: string;
      /** Milliseconds of `at`. */
      readonly time: number;
    }
  /** A request through /api/v1/nodes/NAME/proxy. */
  | {
      readonly type: "api-server";
      readonly user: string;
      readonly node: string;
      readonly verb: string;
      readonly path: string;
      readonly allowed: boolean | undefined;
      readonly at: string;
      readonly time: number;
    }
  /** A review by a kubelet that was logged without its content. */
  | { readonly type: "no-body"; readonly at: string };

/** Presence and counts of one kind of use by one subject. */
export interface UsageLine {
  readonly user: string;
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
  readonly first: string;
  readonly last: string;
}

export interface Usage {
  readonly lines: readonly UsageLine[];
  readonly events: number;
  readonly reviewsWithoutBody: number;
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
const FINE_GRAINED: ReadonlySet<string> = new Set(["pods", "healthz", "configz"]);

interface Entry {
  readonly key: Omit<
    UsageLine,
    "nodes" | "moreNodes" | "count" | "allowed" | "denied" | "first" | "last" | "withoutFineGrained"
  >;
  readonly nodes: Set<string>;
  moreNodes: boolean;
  count: number;
  allowed: number;
  denied: number;
  withoutFineGrained: number;
  first: string;
  last: string;
}

/** Sums up uses in bounded memory. Events are expected roughly in order of time. */
export function createUsageCollector(options: UsageOptions = {}): UsageCollector {
  const maximumEntries = options.maximumEntries ?? 400_000;
  const entries = new Map<string, Entry>();
  const lastFineGrained = new Map<string, number>();
  let pairs = 0;
  let events = 0;
  let reviewsWithoutBody = 0;
  let collapsed = 0;
  let first = "";
  let last = "";

  const count = (key: Entry["key"], event: Exclude<UsageEvent, { readonly type: "no-body" }>): Entry => {
    const id = `${key.through}|${key.user}|${key.verb}|${key.subresource}|${key.path ?? ""}`;
    const entry = entries.get(id) ?? {
      key,
      nodes: new Set<string>(),
      moreNodes: false,
      count: 0,
      allowed: 0,
      denied: 0,
      withoutFineGrained: 0,
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
      const { user, verb, node } = event;
      if (event.type === "api-server") {
        const { path } = event;
        const { subresources } = classifyKubeletRequest("GET", path, { fineGrained: true });
        const connects = isConnectPath(path);
        const [shown] = /^\/(?:metrics\/\w+|stats\/\w+|[^/?]*)/.exec(path) ?? ["/"];
        count({ user, through: "api-server", verb, subresource: subresources[0], path: shown, connects }, event);
        return;
      }
      const { subresource, time } = event;
      const entry = count({ user, through: "kubelet", verb, subresource }, event);
      const who = `${user}|${node}|${verb}`;
      if (FINE_GRAINED.has(subresource)) {
        if (lastFineGrained.size < maximumEntries || lastFineGrained.has(who)) lastFineGrained.set(who, time);
      } else if (subresource === "proxy") {
        const before = lastFineGrained.get(who);
        if (before === undefined || Math.abs(time - before) > FINE_GRAINED_WINDOW_MS) entry.withoutFineGrained += 1;
      }
    },
    finish: () => ({
      lines: [...entries.values()]
        .map(
          (entry): UsageLine => ({
            ...entry.key,
            nodes: [...entry.nodes].sort(),
            moreNodes: entry.moreNodes,
            count: entry.count,
            allowed: entry.allowed,
            denied: entry.denied,
            ...(entry.key.subresource === "proxy" &&
              entry.key.through === "kubelet" && { withoutFineGrained: entry.withoutFineGrained }),
            first: entry.first,
            last: entry.last,
          }),
        )
        .sort((a, b) => (lineKey(a) < lineKey(b) ? -1 : 1)),
      events,
      reviewsWithoutBody,
      collapsed,
      first,
      last,
    }),
  };
}

function lineKey({ user, through, subresource, verb }: UsageLine): string {
  return [user, through, subresource, verb].join("|");
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an event of audit.k8s.io says about use of kubelets; undefined when nothing. */
export function usageOf(value: unknown): UsageEvent | undefined {
  const event = fieldsOf(value);
  if (event["stage"] === "RequestReceived") return undefined;
  const reference = fieldsOf(event["objectRef"]);
  const resource = textOf(reference["resource"]);
  const at = textOf(event["requestReceivedTimestamp"]) || textOf(event["stageTimestamp"]);
  if (resource === "subjectaccessreviews") {
    if (event["verb"] !== "create") return undefined;
    const poster = textOf(fieldsOf(event["user"])["username"]);
    const spec = fieldsOf(fieldsOf(event["requestObject"])["spec"]);
    const asked = fieldsOf(spec["resourceAttributes"]);
    if (event["requestObject"] === undefined) {
      return poster.startsWith("system:node:") ? { type: "no-body", at } : undefined;
    }
    if (asked["resource"] !== "nodes" || textOf(asked["group"]) !== "" || textOf(asked["subresource"]) === "")
      return undefined;
    const allowed = fieldsOf(fieldsOf(event["responseObject"])["status"])["allowed"];
    return {
      type: "kubelet",
      user: textOf(spec["user"]),
      node: textOf(asked["name"]),
      verb: textOf(asked["verb"]),
      subresource: textOf(asked["subresource"]),
      allowed: typeof allowed === "boolean" ? allowed : undefined,
      at,
      time: Date.parse(at),
    };
  }
  if (resource !== "nodes" || textOf(reference["subresource"]) !== "proxy") return undefined;
  const uri = textOf(event["requestURI"]);
  const match = /^\/api\/v1\/(?:proxy\/)?nodes\/[^/]+(?:\/proxy)?(\/[^?]*)?/.exec(uri);
  const code = fieldsOf(event["responseStatus"])["code"];
  const as = textOf(fieldsOf(event["impersonatedUser"])["username"]);
  return {
    type: "api-server",
    user: as === "" ? textOf(fieldsOf(event["user"])["username"]) : as,
    node: textOf(reference["name"])
      .replace(/^https?:/, "")
      .replace(/:\d*$/, ""),
    verb: textOf(event["verb"]),
    path: match?.[1] ?? "/",
    allowed: typeof code === "number" ? code !== 403 && code !== 401 : undefined,
    at,
    time: Date.parse(at),
  };
}
