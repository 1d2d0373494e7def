import type { BoundRoles } from "./bound-roles.ts";
import { type EffectiveRole, type EffectiveRoles, type EffectiveRule, standardRoles } from "./effective-roles.ts";
import { METHOD_VERBS, nodeGrantsOf } from "./node-grants.ts";
import type { Origin } from "./origin.ts";
import type { PolicyRule } from "../../api/types.ts";

export type RemarkType =
  /** Looks dangerous and is not. */
  | "harmless"
  /** Somebody believes it grants something; nothing ever asks for it. */
  | "phantom";

/** What a person or another tool may take for a right on kubelets. */
export interface Remark {
  readonly type: RemarkType;
  readonly code:
    | "role-binding"
    | "namespaced-role"
    | "nodes-star"
    | "bare-nodes"
    | "node-proxy-verb"
    | "unasked-verbs"
    | "other-api-group"
    | "non-resource-urls-only"
    | "unknown-subresource"
    | "unused-subresource";
  /** e.g. "ClusterRole fluent-bit". */
  readonly object: string;
  /** The text in question, e.g. "nodes/logs". */
  readonly subject: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly origin: Origin;
}

/** Subresources something asks for, by resource of the core group. */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  nodes: ["proxy", "metrics", "stats", "log", "pods", "healthz", "configz", "checkpoint", "statusz", "spec", "status"],
  pods: [
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
    "status",
    "eviction",
    "binding",
    "ephemeralcontainers",
    "resize",
  ],
  services: ["proxy", "status"],
  serviceaccounts: ["token"],
  namespaces: ["status", "finalize"],
  persistentvolumes: ["status"],
  persistentvolumeclaims: ["status"],
  resourcequotas: ["status"],
  replicationcontrollers: ["status", "scale"],
};

/** Names people take from paths and from blog posts. */
const MEANT: Readonly<Record<string, string>> = {
  "nodes/logs": "nodes/log",
  "nodes/containerLogs": "nodes/proxy",
  "nodes/containerlogs": "nodes/proxy",
  "nodes/exec": "nodes/proxy",
  "nodes/run": "nodes/proxy",
  "nodes/attach": "nodes/proxy",
  "nodes/portforward": "nodes/proxy",
  "nodes/debug": "nodes/proxy",
  "nodes/runningpods": "nodes/pods",
  "nodes/cadvisor": "nodes/metrics",
  "nodes/summary": "nodes/stats",
  "nodes/flagz": "nodes/configz",
  "nodes/config": "nodes/configz",
  "nodes/health": "nodes/healthz",
  "nodes/pod": "nodes/pods",
};

const NO_SUCH_WILDCARD = 'grants nothing: RBAC knows "*", "*/SUBRESOURCE" and exact names only';
const PROXY_NAMES = ["nodes/proxy", "*/proxy", "*"];

/** Remarks on all roles and bindings of an input. Roles every cluster has are left out. */
export function remarksOn(roles: EffectiveRoles, bound: BoundRoles): readonly Remark[] {
  const remarks: Remark[] = [];
  const standard = new Set(standardRoles().map(({ metadata }) => metadata?.name));
  for (const role of roles.all) {
    if (role.kind === "ClusterRole" && standard.has(role.name)) continue;
    const object = `${role.kind} ${role.namespace === "" ? role.name : `${role.namespace}/${role.name}`}`;
    for (const rule of role.rules) {
      if (rule.writtenIn === role.name) remarks.push(...remarksOnRule(object, role, rule));
    }
    remarks.push(...remarksOnBindings(role, bound));
    if (role.rules.length > 0 && role.rules.every(({ rule }) => namesUrlsOnly(rule))) {
      const [first] = role.rules;
      remarks.push({
        type: "harmless",
        code: "non-resource-urls-only",
        object,
        subject: (first?.rule.nonResourceURLs ?? []).join(" "),
        message: "names URLs only and no resource: says nothing about nodes",
        origin: first?.origin ?? role.origin,
      });
    }
  }
  return remarks;
}

/** Rules that could not be read are empty, and say nothing of what they would be. */
function namesUrlsOnly({ resources = [], nonResourceURLs = [] }: PolicyRule): boolean {
  return resources.length === 0 && nonResourceURLs.length > 0;
}

function remarksOnBindings(role: EffectiveRole, bound: BoundRoles): readonly Remark[] {
  const grants = nodeGrantsOf(role).filter(({ source }) => !(source.rule.resources ?? []).includes("*"));
  if (grants.length === 0) return [];
  const subject = [
    ...new Set(
      grants.flatMap(({ source }) =>
        (source.rule.resources ?? []).filter((one) => one.startsWith("nodes/") || one.startsWith("*/")),
      ),
    ),
  ].join(", ");
  if (role.kind === "Role") {
    return [
      {
        type: "harmless",
        code: "namespaced-role",
        object: `Role ${role.namespace}/${role.name}`,
        subject,
        message: "a Role never grants anything on nodes: nodes belong to no namespace",
        origin: grants[0]?.source.origin ?? role.origin,
      },
    ];
  }
  return bound
    .bindingsOf(role)
    .filter(({ kind }) => kind === "RoleBinding")
    .map(({ namespace, name, origin }) => ({
      type: "harmless",
      code: "role-binding",
      object: `RoleBinding ${namespace}/${name}`,
      subject: `${subject} of ClusterRole ${role.name}`,
      message: "a RoleBinding never grants anything on nodes: nodes belong to no namespace",
      origin,
    }));
}

function remarksOnRule(object: string, role: EffectiveRole, { rule, origin }: EffectiveRule): readonly Remark[] {
  const { apiGroups = [], resources = [], verbs } = rule;
  // Such a rule could not be read; that is said elsewhere.
  if (verbs.length === 0) return [];
  if (!apiGroups.includes("") && !apiGroups.includes("*")) {
    return resources
      .filter((name) => name.startsWith("nodes/proxy"))
      .map((subject) => ({
        type: "harmless",
        code: "other-api-group",
        object,
        subject,
        message: `grants nothing: nodes are in the core group (""), the rule names ${JSON.stringify(apiGroups)}`,
        origin,
      }));
  }
  const asksMethod = verbs.includes("*") || METHOD_VERBS.some((verb) => verbs.includes(verb));
  return resources.flatMap((name): readonly Remark[] => {
    const at = { object, subject: name, origin };
    if (name === "nodes/*" || name === "*/*") {
      return [{ ...at, type: "harmless", code: "nodes-star", message: NO_SUCH_WILDCARD }];
    }
    if (name === "nodes" && verbs.includes("proxy")) {
      return [
        {
          ...at,
          type: "phantom",
          code: "node-proxy-verb",
          message: "the verb proxy on nodes is asked by nothing since 2016",
        },
      ];
    }
    if (name === "nodes" && role.kind === "ClusterRole") {
      return [
        {
          ...at,
          type: "harmless",
          code: "bare-nodes",
          message: "covers Node objects and none of their subresources: no way to a kubelet",
        },
      ];
    }
    if (PROXY_NAMES.slice(0, 2).includes(name) && !asksMethod) {
      return [
        {
          ...at,
          type: "harmless",
          code: "unasked-verbs",
          message: `grants nothing on kubelets: they ask for ${METHOD_VERBS.join(", ")}, the rule has ${verbs.join(", ")}`,
        },
      ];
    }
    return phantoms(at, name);
  });
}

function phantoms(at: Pick<Remark, "object" | "subject" | "origin">, name: string): readonly Remark[] {
  if (name === "nodes/spec") {
    return [
      {
        ...at,
        type: "phantom",
        code: "unused-subresource",
        message:
          "no upstream kubelet asks for nodes/spec: /spec was announced, but is not there (Orlop kubelets have it)",
      },
    ];
  }
  const slash = name.indexOf("/");
  const [resource, subresource] = [name.slice(0, slash), name.slice(slash + 1)];
  const meantResource = knownResource(resource);
  if (slash < 0 || meantResource === undefined) return [];
  const known = SUBRESOURCES[meantResource] ?? [];
  // Finalizers are asked, for any resource, of those who set blockOwnerDeletion.
  if (resource === meantResource && [...known, "finalizers"].includes(subresource)) return [];
  const phantom = { ...at, type: "phantom", code: "unknown-subresource" } as const;
  if (subresource === "*") return [{ ...phantom, message: NO_SUCH_WILDCARD }];
  const meant =
    MEANT[name] ?? partOfPath(meantResource, subresource, known) ?? nearest(meantResource, subresource, known);
  return [
    {
      ...phantom,
      message: `grants nothing: nothing asks for ${name}`,
      ...(meant !== undefined && { suggestion: meant }),
    },
  ];
}

/** The resource that was meant, in whatever letters and number it is written; undefined for those we know nothing of. */
function knownResource(written: string): string | undefined {
  const lower = written.toLowerCase();
  return Object.keys(SUBRESOURCES).find((name) => name === lower || name === `${lower}s`);
}

/** What a path such as "stats/summary" or "proxy/metrics" is about; RBAC sees the whole of it as one strange name. */
function partOfPath(resource: string, subresource: string, known: readonly string[]): string | undefined {
  const found = subresource.split("/").findLast((part) => known.includes(part));
  return found === undefined ? undefined : `${resource}/${found}`;
}

function nearest(resource: string, subresource: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: distanceBetween(subresource.toLowerCase(), name) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= 2 ? `${resource}/${best.name}` : undefined;
}

/** Levenshtein's: how many letters to change. */
function distanceBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, place) => place);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
