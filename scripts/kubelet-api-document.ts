import { createFeatureGates } from "../src/api/feature-gates.ts";
import {
  classifyKubeletRequest,
  isConnectPath,
  subresourcesFor,
  verbForMethod,
} from "../src/core/authz/kubelet-request.ts";
import { INEFFECTIVE_FIELDS } from "../src/kubelet/configuration/ineffective-fields.ts";
import { type HandlerSwitches, KUBELET_ROUTES, type Route } from "../src/kubelet/server/routes.ts";

const VERSIONS = ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];
/** The methods Kubernetes has verbs for, and one it has none for. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
const ALL_ON: HandlerSwitches = {
  enableDebuggingHandlers: true,
  enableSystemLogHandler: true,
  enableProfilingHandler: true,
  enableDebugFlagsHandler: true,
  checkpoint: true,
  flagz: true,
  statusz: true,
  authorized: true,
};
const SWITCH_NAMES: Readonly<Record<keyof HandlerSwitches, string>> = {
  enableDebuggingHandlers: "enableDebuggingHandlers",
  enableSystemLogHandler: "enableSystemLogHandler",
  enableProfilingHandler: "enableProfilingHandler",
  enableDebugFlagsHandler: "enableDebugFlagsHandler",
  checkpoint: "gate ContainerCheckpoint",
  flagz: "gate ComponentFlagz",
  statusz: "gate ComponentStatusz",
  authorized: "not on the read-only port",
};

interface Column {
  readonly versions: readonly string[];
  readonly fineGrained: boolean;
}

/** Versions next to each other that decide alike are one column. */
function columns(): readonly Column[] {
  const found: Column[] = [];
  for (const version of VERSIONS) {
    const fineGrained = createFeatureGates({ emulatedVersion: version }).enabled("KubeletFineGrainedAuthz");
    const last = found.at(-1);
    if (last?.fineGrained === fineGrained) found[found.length - 1] = { ...last, versions: [...last.versions, version] };
    else found.push({ versions: [version], fineGrained });
  }
  return found;
}

function span({ versions }: Column): string {
  const [first = ""] = versions;
  const last = versions.at(-1) ?? first;
  return first === last ? first : `${first} to ${last}`;
}

/** A path the route serves, for asking the classifier. */
function samplePath({ base, patterns }: Route): string {
  return (patterns[0] ?? base).replace(/\{\w+(?:\.\.\.)?\}/g, "x");
}

function listOf(subresources: readonly string[]): string {
  return subresources.map((name) => `nodes/${name}`).join(", then ");
}

function methodsOf({ methods }: Route): string {
  return methods === "any" ? "any" : methods.join(", ");
}

function actionsOf(route: Route): string {
  const path = samplePath(route);
  const methods = route.methods === "any" ? METHODS : route.methods;
  const byAction = new Map<string, string[]>();
  for (const method of methods) {
    const { action } = classifyKubeletRequest(method, path, { fineGrained: true });
    byAction.set(action, [...(byAction.get(action) ?? []), method]);
  }
  const [first, ...others] = [...byAction];
  if (first === undefined) return "";
  const rest = others.map(([action, used]) => `${action} (${used.join(", ")})`);
  return [first[0], ...rest].join(", ");
}

function verbsOf(route: Route): string {
  const path = samplePath(route);
  if (isConnectPath(path)) return "`create`";
  const methods = route.methods === "any" ? METHODS : route.methods;
  const verbs = methods.map((method) => classifyKubeletRequest(method, path, { fineGrained: true }).verb);
  const distinct = [...new Set(verbs.filter((verb) => verb !== ""))];
  return route.methods === "any" ? "of the method" : distinct.map((verb) => `\`${verb}\``).join(", ");
}

function conditionOf(route: Route): string {
  const needed = (Object.keys(SWITCH_NAMES) as (keyof HandlerSwitches)[]).filter(
    (name) => route.state({ ...ALL_ON, [name]: false }) !== "served",
  );
  return needed.length === 0 ? "always" : needed.map((name) => SWITCH_NAMES[name]).join("; ");
}

/** Upstream's lists in 1.36 (kubelet-api.md 2.3), written down apart from ours so that each difference shows. */
const UPSTREAM_FINE: readonly (readonly [string, string])[] = [
  ["/pods", "pods"],
  ["/healthz", "healthz"],
  ["/configz", "configz"],
  ["/runningpods", "pods"],
];
const UPSTREAM_DEDICATED: readonly (readonly [string, string])[] = [
  ["/stats", "stats"],
  ["/metrics", "metrics"],
  ["/logs", "log"],
  ["/checkpoint", "checkpoint"],
  ["/statusz", "statusz"],
  ["/flagz", "configz"],
];
const NOT_UPSTREAM: readonly string[] = ["/runningPods/", "/spec/"];

const OTHER_DIFFERENCES: readonly (readonly [what: string, upstream: string, here: string])[] = [
  ["HTTP upgrade on a path that is no connect", "reaches the handler, which ignores it", "400"],
  [
    "exec, attach, portForward without an upgrade",
    "500 `Upgrade request required`, after the runtime was asked for a session",
    "the same answer, and the runtime is not asked",
  ],
  ["`/debug/pprof/`", "Go's profiles", "`profile`, `heap` and `allocs` in V8's formats, and `cmdline`; others are 404"],
  ["`/debug/pprof/heap`", "memory in use since the start", "of allocations from the request on, sampled; never values"],
  ["`/logs/`: links", "followed wherever they lead", "only inside the log directory; else 404"],
  ["`/logs/`: several ranges at once", "multipart", "the whole file"],
  ["`/healthz`, `/metrics/slis`", "also the check device-plugin", "ping, log, syncloop: there are no device plugins"],
  ["`/metrics*`", "text or protobuf", "text"],
  [
    "`/metrics`",
    "all of the Go kubelet's and its libraries' families",
    "those of requests, access, pods, probes, volumes, SELinux, runtime operations and requests to the API server; none of parts that are not here (PLEG, managers of CPU, memory and devices, work queues, Go's runtime)",
  ],
  [
    "`/metrics/cadvisor`, `/stats/summary`",
    "cAdvisor",
    "CRI, control groups and filesystems; no per-CPU, disk I/O figures",
  ],
  [
    "`/flagz`, `/statusz`",
    "text, JSON, YAML, CBOR by a gate; delimiters drawn by lot",
    "text, JSON, YAML; fixed delimiters",
  ],
  [
    "`/configz`",
    "header values of staticPodURLHeader shown",
    "masked; `authorization.connect` and `auditLog` are Orlop's",
  ],
  ["`tlsMinVersion: VersionTLS10`, `VersionTLS11`", "allowed", "TLS 1.2 is the least"],
  [
    "`tlsCurvePreferences`",
    "what Go knows",
    "what OpenSSL of the Node.js in use knows; others are refused at the start",
  ],
  ["bearer token longer than 64 KiB", "the API server is asked", "401 without asking"],
  ["unknown field in a configuration file", "a warning", "refused with file and path"],
];

function upstreamList(path: string): readonly string[] {
  const below = ([base]: readonly [string, string]): boolean => path === base || path.startsWith(`${base}/`);
  const dedicated = UPSTREAM_DEDICATED.find(below);
  if (dedicated !== undefined) return [dedicated[1]];
  const fine = UPSTREAM_FINE.find(below);
  return fine === undefined ? ["proxy"] : [fine[1], "proxy"];
}

function differencesOf(route: Route): string {
  const path = samplePath(route);
  const differences: string[] = [];
  if (NOT_UPSTREAM.includes(route.base)) differences.push("not there upstream (404)");
  else if (listOf(upstreamList(path)) !== listOf(subresourcesFor(path, { fineGrained: true }))) {
    differences.push(`upstream: ${listOf(upstreamList(path))}`);
  }
  if (isConnectPath(path)) {
    const methods = route.methods === "any" ? METHODS : route.methods;
    const weaker = methods.filter((method) => verbForMethod(method) !== "create");
    if (weaker.length > 0) differences.push(`upstream: \`get\` is enough for ${weaker.join(", ")}, upgrades included`);
  }
  return differences.join("; ");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** docs/kubelet-api.md: everything in it is asked of the code that routes and authorises. */
export function kubeletApiDocument(): string {
  const all = columns();
  const paths = (route: Route): string => route.patterns.map((pattern) => `\`${pattern}\``).join("<br>");
  const endpoints = KUBELET_ROUTES.map((route) => [
    paths(route),
    methodsOf(route),
    route.about,
    actionsOf(route),
    conditionOf(route),
  ]);
  const attributes = KUBELET_ROUTES.map((route) => [
    paths(route),
    verbsOf(route),
    ...all.map(({ fineGrained }) => listOf(subresourcesFor(samplePath(route), { fineGrained }))),
    differencesOf(route),
  ]);
  return `# The kubelet's API

Generated from the code by \`npx tsx scripts/generate-kubelet-api-doc.ts\`; a test fails when it is out of date.

## Endpoints
An action is what a request does: \`read\`, \`mutate\` (changes the kubelet or writes a checkpoint) or \`connect\` (reaches into a
container). "Served when" lists what must be on; without it the endpoint answers 405 or 404 as upstream's does.

${table(["path", "methods", "what", "action", "served when"], endpoints)}

A path that is in no row answers 404 without credentials, as upstream; below a service of the table it answers 404 after
authorization. An HTTP upgrade on a path that is no \`connect\` is refused with 400.

## What a caller must be granted
The subresources are tried from left to right with the verb given, for the node's name; the first that is allowed is enough.
An error while asking ends it with 500: the next one is not tried. \`--emulated-version\` chooses the column, and in 1.32 the gate
KubeletFineGrainedAuthz may be switched on, in 1.33 to 1.35 off.

${table(["path", "verb", ...all.map(span), "difference from upstream 1.36"], attributes)}

Verbs of methods: ${METHODS.map((method) => `${method} \`${verbForMethod(method) === "" ? "(none)" : verbForMethod(method)}\``).join(", ")}.
A method without a verb is allowed only where \`*\` is granted.

## The connect rule
${listOfPaths()} need the verb \`create\` on nodes/proxy, whatever the method and whether or not the connection is upgraded,
before anything is asked of the container runtime. The API server applies the same to the path behind
\`/api/v1/nodes/NAME/proxy/\`, and to pods/exec, pods/attach and pods/portforward.
The mode is \`authorization.connect\` in KubeletConfiguration or \`--connect-authorization\`:

${table(
  ["mode", "a caller with `get` only"],
  [
    ["`enforce` (default)", "403, logged, counted, in the trail with `get-only`"],
    ["`warn`", "let through, logged, counted, in the trail with `get-only`"],
    ["`legacy`", "let through as upstream does"],
  ],
)}

## The trail
\`auditLog.path\` (\`--audit-log-path\`; \`orlop up\`: DIR/kubelet-audit.log) receives one JSON line of audit.k8s.io/v1 Event for each
request that is no granted GET of /healthz, and for streams two: at their start and at their end. Annotations under
\`kubelet.orlop.dev/\`: \`action\`, \`endpoint\`, \`method\`, \`namespace\`, \`pod\`, \`pod-uid\`, \`container\`, \`command\`, \`ports\`, \`upgrade\`,
\`subprotocols\`, \`granted-by\`, \`proxy-fallback\`, \`get-only\`, \`refused\`. Tokens, headers but User-Agent, bodies and values of unknown parameters are
never written. The file has mode 0600 and is rotated at \`auditLog.maxSizeMegabytes\` (100), \`auditLog.maxBackups\` (10) old ones stay.

## Metrics that upstream does not have
${table(
  ["metric", "labels", "what it tells"],
  [
    [
      "`orlop_kubelet_api_decisions_total`",
      "subresource, decision",
      "`allowed`, `allowed-by-proxy` (still depends on nodes/proxy), `forbidden`, `error`, `unauthenticated`",
    ],
    [
      "`orlop_kubelet_get_only_connects_total`",
      "path, mode",
      "attempts to exec, attach, port-forward or run with `get` alone",
    ],
    ["`orlop_kubelet_trail_dropped_total`", "", "records of the trail that could not be kept"],
    [
      "`orlop_apiserver_get_only_connects_total` (API server)",
      "resource, decision",
      "the same through nodes/proxy, pods/exec, pods/attach and pods/portforward: `refused` or `let-through`",
    ],
  ],
)}

## Other differences from upstream 1.36
${table(["what", "upstream", "here"], OTHER_DIFFERENCES)}

## Fields of KubeletConfiguration without effect
They are checked, and shown at /configz. One that is set to something else than its default is named in the log at the start.

${table(
  ["field", "what holds instead"],
  Object.entries(INEFFECTIVE_FIELDS).map(([field, instead]) => [`\`${field}\``, instead]),
)}
`;
}

function listOfPaths(): string {
  const bases = KUBELET_ROUTES.map(({ base }) => base).filter(isConnectPath);
  return bases.map((base) => `\`${base}\``).join(", ");
}
