import type { HttpRequest, HttpResponse } from "../../ports/http.ts";

/** Which handlers the configuration wants. */
export interface HandlerSwitches {
  readonly enableDebuggingHandlers: boolean;
  readonly enableSystemLogHandler: boolean;
  readonly enableProfilingHandler: boolean;
  readonly enableDebugFlagsHandler: boolean;
  /** Gates ContainerCheckpoint, ComponentFlagz and ComponentStatusz. */
  readonly checkpoint: boolean;
  readonly flagz: boolean;
  readonly statusz: boolean;
  /** False on the read-only port: it has only what needs no authorization upstream, and nothing new. */
  readonly authorized: boolean;
}

/** Values of the path's placeholders, decoded. `uid` and `rest` only where the pattern has them. */
export type PathParameters = Readonly<Record<string, string>>;

export type RouteHandler = (request: HttpRequest, parameters: PathParameters) => Promise<HttpResponse>;

/** Names of all handlers; each route points at one. */
export type HandlerName =
  | "attach"
  | "cadvisorMetrics"
  | "checkpoint"
  | "configz"
  | "containerLogs"
  | "debugFlags"
  | "exec"
  | "flagz"
  | "healthz"
  | "logs"
  | "metrics"
  | "pods"
  | "portForward"
  | "pprof"
  | "probeMetrics"
  | "resourceMetrics"
  | "run"
  | "runningPods"
  | "sliMetrics"
  | "spec"
  | "statusz"
  | "summary";

export type RouteHandlers = Readonly<Record<HandlerName, RouteHandler>>;

/** Whether a route is there: served, absent (404), or answering 405 with a text. */
export type RouteState = "served" | "absent" | { readonly disabled: string };

/**
 * One endpoint. "exact" is that very path for every method. "service" owns its base path and everything below it: what
 * no pattern fits there is the router's 404, a method no pattern takes its 405, both after authorization.
 */
export interface Route {
  readonly kind: "exact" | "service";
  /** Base path of a service; the path itself of an exact route. A service base that ends in "/" is redirected to from without. */
  readonly base: string;
  /** Full patterns with {placeholders}; {rest...} takes all that follows. */
  readonly patterns: readonly string[];
  /** "any" reaches the handler with every method. */
  readonly methods: readonly string[] | "any";
  readonly handler: HandlerName;
  /** Answers JSON only: a client that accepts none gets 406. */
  readonly json: boolean;
  readonly state: (switches: HandlerSwitches) => RouteState;
  /** One sentence for the documentation. */
  readonly about: string;
}

const DEBUG_DISABLED = { disabled: "Debug endpoints are disabled.\n" } as const;

const always = (): RouteState => "served";
const debugging = (switches: HandlerSwitches): RouteState =>
  switches.enableDebuggingHandlers && switches.authorized ? "served" : DEBUG_DISABLED;
const debuggingOrAbsent = (switches: HandlerSwitches): RouteState =>
  switches.enableDebuggingHandlers && switches.authorized ? "served" : "absent";
const debuggingAnd =
  (pick: (switches: HandlerSwitches) => boolean) =>
  (switches: HandlerSwitches): RouteState =>
    pick(switches) ? debuggingOrAbsent(switches) : "absent";
const switchable =
  (pick: (switches: HandlerSwitches) => boolean, text: string, withoutDebugging: RouteState) =>
  (switches: HandlerSwitches): RouteState => {
    if (!switches.enableDebuggingHandlers || !switches.authorized) return withoutDebugging;
    return pick(switches) ? "served" : { disabled: text };
  };

interface Shape {
  readonly kind?: Route["kind"];
  readonly patterns?: readonly string[];
  readonly methods?: Route["methods"];
  readonly json?: boolean;
  readonly state?: Route["state"];
}

function route(base: string, handler: HandlerName, about: string, shape: Shape = {}): Route {
  return {
    kind: shape.kind ?? "exact",
    base,
    patterns: shape.patterns ?? [base],
    methods: shape.methods ?? "any",
    handler,
    json: shape.json ?? false,
    state: shape.state ?? always,
    about,
  };
}

const CONTAINER = ["{namespace}/{pod}/{container}", "{namespace}/{pod}/{uid}/{container}"];
const under = (base: string, tails: readonly string[]): readonly string[] => tails.map((tail) => `${base}/${tail}`);

const HEALTH_CHECKS = ["", "/ping", "/log", "/syncloop"];

/** Every endpoint of the kubelet's API. Router, metrics and documentation read this one table. */
export const KUBELET_ROUTES: readonly Route[] = [
  ...HEALTH_CHECKS.map((check) =>
    route(`/healthz${check}`, "healthz", check === "" ? "All health checks." : `The health check ${check.slice(1)}.`),
  ),
  route("/metrics", "metrics", "The kubelet's own metrics."),
  route("/metrics/cadvisor", "cadvisorMetrics", "Metrics of containers and the machine under cAdvisor's names."),
  route("/metrics/resource", "resourceMetrics", "CPU and memory of node, pods and containers."),
  route("/metrics/probes", "probeMetrics", "Results of container probes."),
  route("/metrics/slis", "sliMetrics", "Results of health checks; DELETE resets them."),
  route("/pods", "pods", "Pods the kubelet is to run.", {
    kind: "service",
    patterns: ["/pods", "/pods/"],
    methods: ["GET"],
    json: true,
  }),
  route("/stats/", "summary", "Usage of node, pods, containers and volumes.", {
    kind: "service",
    patterns: ["/stats/summary"],
    methods: ["GET", "POST"],
    json: true,
  }),
  route("/spec/", "spec", "Facts about the machine.", {
    kind: "service",
    patterns: ["/spec/"],
    methods: ["GET"],
    json: true,
    state: ({ authorized }) => (authorized ? "served" : "absent"),
  }),
  route("/run", "run", "Runs a command in a container and answers its output.", {
    kind: "service",
    patterns: under("/run", CONTAINER),
    methods: ["POST"],
    state: debugging,
  }),
  route("/exec", "exec", "Streams a command in a container.", {
    kind: "service",
    patterns: under("/exec", CONTAINER),
    methods: ["GET", "POST"],
    state: debugging,
  }),
  route("/attach", "attach", "Streams the main process of a container.", {
    kind: "service",
    patterns: under("/attach", CONTAINER),
    methods: ["GET", "POST"],
    state: debugging,
  }),
  route("/portForward", "portForward", "Tunnels to ports of a pod.", {
    kind: "service",
    patterns: under("/portForward", ["{namespace}/{pod}", "{namespace}/{pod}/{uid}"]),
    methods: ["GET", "POST"],
    state: debugging,
  }),
  route("/containerLogs", "containerLogs", "Log of a container.", {
    kind: "service",
    patterns: ["/containerLogs/{namespace}/{pod}/{container}"],
    methods: ["GET"],
    state: debugging,
  }),
  ...["/runningpods/", "/runningPods/"].map((base) =>
    route(base, "runningPods", "Pods that run according to the container runtime.", {
      kind: "service",
      patterns: [base],
      methods: ["GET"],
      json: true,
      state: debugging,
    }),
  ),
  route("/configz", "configz", "The configuration in force.", { state: debuggingOrAbsent }),
  route("/checkpoint/", "checkpoint", "Checkpoints a container.", {
    kind: "service",
    patterns: ["/checkpoint/{namespace}/{pod}/{container}"],
    methods: ["POST"],
    json: true,
    state: debuggingAnd(({ checkpoint }) => checkpoint),
  }),
  route("/logs/", "logs", "Files below the host's log directory, and node log queries.", {
    kind: "service",
    patterns: ["/logs/", "/logs/{rest...}"],
    methods: ["GET"],
    state: switchable(
      ({ enableSystemLogHandler }) => enableSystemLogHandler,
      "logs endpoint is disabled.\n",
      DEBUG_DISABLED,
    ),
  }),
  route("/debug/pprof/", "pprof", "CPU and heap profiles of the process.", {
    kind: "service",
    patterns: ["/debug/pprof/", "/debug/pprof/{rest...}"],
    methods: ["GET"],
    state: switchable(
      ({ enableProfilingHandler }) => enableProfilingHandler,
      "profiling endpoint is disabled.\n",
      DEBUG_DISABLED,
    ),
  }),
  route("/debug/flags/v", "debugFlags", "Log verbosity; PUT sets it.", {
    state: switchable(
      ({ enableDebugFlagsHandler }) => enableDebugFlagsHandler,
      "flags endpoint is disabled.\n",
      "absent",
    ),
  }),
  route("/flagz", "flagz", "Flags the kubelet was started with.", { state: debuggingAnd(({ flagz }) => flagz) }),
  route("/statusz", "statusz", "Version, uptime and paths.", { state: debuggingAnd(({ statusz }) => statusz) }),
];
