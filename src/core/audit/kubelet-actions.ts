import { type NodeSubresource, subresourcesFor, verbForMethod } from "../authz/kubelet-request.ts";
import type { KubeletProfile } from "./node-classes.ts";

/** Something that can be done at a kubelet, in the words of its API. */
export interface KubeletAction {
  readonly name: string;
  /** Ways to do it: method and path as the kubelet routes them. One that is allowed is enough. */
  readonly requests: readonly (readonly [method: string, path: string])[];
  /** Starts, joins or tunnels into processes of containers. */
  readonly runsCommands: boolean;
  readonly describes: string;
}

/** A verb on a subresource of nodes. */
export interface NodePermission {
  readonly verb: string;
  readonly subresource: NodeSubresource;
}

/** `exec`, `attach` and `portForward` are GET as well: a WebSocket can not start otherwise. */
export const KUBELET_ACTIONS: readonly KubeletAction[] = [
  action(
    "exec",
    [
      ["GET", "/exec"],
      ["POST", "/exec"],
    ],
    "run a command in any container",
    true,
  ),
  action("run", [["POST", "/run"]], "run a command in any container, without a terminal", true),
  action(
    "attach",
    [
      ["GET", "/attach"],
      ["POST", "/attach"],
    ],
    "join the running process of any container",
    true,
  ),
  action(
    "portForward",
    [
      ["GET", "/portForward"],
      ["POST", "/portForward"],
    ],
    "tunnel to ports inside any pod",
    true,
  ),
  action("containerLogs", [["GET", "/containerLogs"]], "read the output of any container"),
  action("debug", [["GET", "/debug/pprof"]], "profile the kubelet, read its memory"),
  action("debugFlags", [["PUT", "/debug/flags/v"]], "change the kubelet's log level"),
  action("checkpoint", [["POST", "/checkpoint"]], "write the memory of any container to the node's disk"),
  action("logs", [["GET", "/logs"]], "read files below /var/log of the node"),
  action("pods", [["GET", "/pods"]], "list the pods of the node"),
  action("metrics", [["GET", "/metrics"]], "read metrics of node and containers"),
  action("stats", [["GET", "/stats/summary"]], "read usage statistics"),
  action("healthz", [["GET", "/healthz"]], "ask whether the kubelet is healthy"),
  action("configz", [["GET", "/configz"]], "read the kubelet's configuration"),
  action("flagz", [["GET", "/flagz"]], "read the kubelet's flags"),
  action("statusz", [["GET", "/statusz"]], "read the kubelet's status page"),
  action("spec", [["GET", "/spec"]], "read the machine's description"),
];

function action(
  name: string,
  requests: KubeletAction["requests"],
  describes: string,
  runsCommands = false,
): KubeletAction {
  return { name, requests, describes, runsCommands };
}

function subresourcesOn(path: string, profile: KubeletProfile): readonly NodeSubresource[] {
  const { fineGrained, orlop, minor } = profile;
  const [first, ...more] = subresourcesFor(path, { fineGrained });
  if (orlop) return [first, ...more];
  // What upstream kubelets of each version ask; the announced nodes/spec is not asked by any released one.
  if (path === "/spec") return ["proxy"];
  if (path === "/statusz") return minor >= 36 ? ["statusz"] : minor >= 33 ? ["statusz", "proxy"] : ["proxy"];
  if (path === "/flagz" && minor < 33) return ["proxy"];
  return [first, ...more];
}

/** What opens `action` at the kubelet itself; each permission alone is enough. */
export function permissionsAtKubelet(
  { requests, runsCommands }: KubeletAction,
  profile: KubeletProfile,
): readonly NodePermission[] {
  return distinct(
    requests.flatMap(([method, path]) =>
      subresourcesOn(path, profile).map((subresource) => ({
        verb: runsCommands && profile.orlop ? "create" : verbForMethod(method),
        subresource,
      })),
    ),
  );
}

/** What opens `action` through /api/v1/nodes/NAME/proxy: always nodes/proxy, whatever the path and the kubelet. */
export function permissionsAtApiServer(
  { requests, runsCommands }: KubeletAction,
  server: { readonly orlop: boolean },
): readonly NodePermission[] {
  return distinct(
    requests.map(([method]) => ({
      verb: runsCommands && server.orlop ? "create" : verbForMethod(method),
      subresource: "proxy" as const,
    })),
  );
}

function distinct(permissions: readonly NodePermission[]): readonly NodePermission[] {
  const seen = new Map(permissions.map((permission) => [describePermission(permission), permission]));
  return [...seen.values()];
}

export function describePermission({ verb, subresource }: NodePermission): string {
  return `${verb} nodes/${subresource}`;
}
