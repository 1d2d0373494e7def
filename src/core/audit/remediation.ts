import type { ClusterRole, PolicyRule } from "../../api/types.ts";
import { componentOf, type KnownComponent } from "./components.ts";
import type { WorkloadFacts } from "./input.ts";
import type { AccessGrant, KubeletAccess } from "./kubelet-access.ts";
import type { NodeClass } from "./node-classes.ts";
import { nodeGrantOf } from "./node-grants.ts";
import { serviceAccountOf } from "./principals.ts";
import { DIRECT_SCRAPE_REMARK, type ScrapeThroughApiServer } from "./scrape-config.ts";
import type { UsageLine } from "./usage.ts";

export type RemediationVerdict =
  /** Seen in logs or known: narrower rules do. */
  | "replaceable"
  /** Logs that cover the grant show no use of it. */
  | "unused"
  /** Something it does has no narrower subresource. */
  | "needs-proxy"
  /** Nothing known about what it needs. */
  | "unknown";

export interface Remediation {
  readonly verdict: RemediationVerdict;
  /** "audit log", "known component" or "none". */
  readonly basis: "audit-log" | "scrape-configuration" | "known-component" | "none";
  readonly component?: Pick<KnownComponent, "name" | "endpoints" | "source" | "asOf" | "remark">;
  /** A ClusterRole with what is needed of kubelets and nothing else. */
  readonly clusterRole?: ClusterRole;
  /** For each role written in the input: operations of RFC 6902 that take the grant out and put the replacement in. */
  readonly patches: readonly RolePatch[];
  readonly helmValues?: Readonly<Record<string, unknown>>;
  /** What stops working with the patch, if nothing else changes. */
  readonly breaks: readonly string[];
  readonly scrapes: readonly ScrapeThroughApiServer[];
  readonly remarks: readonly string[];
}

export interface RolePatch {
  readonly role: string;
  readonly operations: readonly {
    readonly op: "test" | "replace" | "remove" | "add";
    readonly path: string;
    readonly value?: unknown;
  }[];
}

export interface RemediationContext {
  readonly classes: readonly NodeClass[];
  readonly workloads: readonly WorkloadFacts[];
  readonly scrapes: readonly ScrapeThroughApiServer[];
  /** undefined: no audit log was read. */
  readonly usage: readonly UsageLine[] | undefined;
}

const FINE_GRAINED: ReadonlySet<string> = new Set(["pods", "healthz", "configz"]);
/** A rule by names of nodes gets too long to be read beyond this. */
const MAXIMUM_NAMED_NODES = 100;

/** The least a holder of nodes/proxy needs instead, and what changes with it. */
export function remediationFor(access: KubeletAccess, context: RemediationContext): Remediation {
  const { principal } = access;
  const account = serviceAccountOf(principal.name);
  const workloads =
    account === undefined
      ? []
      : context.workloads.filter(
          ({ namespace, serviceAccount }) => namespace === account.namespace && serviceAccount === account.name,
        );
  const scrapes = scrapesOf(account?.namespace, workloads, context.scrapes);
  const component = componentOf([
    principal.name,
    ...access.grants.flatMap(({ role, rule }) => [role.name, rule.writtenIn]),
    ...workloads.flatMap(({ name, images, labels }) => [name, ...images, labels["app.kubernetes.io/name"] ?? ""]),
  ]);
  const usage = context.usage?.filter(({ user }) => user === principal.name);
  const found = neededBy(usage, scrapes, component);
  const breaks = breaksOf(usage, scrapes, component, found.basis);
  const remarks = remarksOn(usage, scrapes, found.needs, context.classes);
  const rules =
    found.verdict === "unknown" || found.verdict === "needs-proxy" ? undefined : rulesFor(found.needs, context.classes);
  const shown = component && {
    name: component.name,
    endpoints: component.endpoints,
    source: component.source,
    asOf: component.asOf,
    ...(component.remark !== undefined && { remark: component.remark }),
  };
  return {
    verdict: found.verdict,
    basis: found.basis,
    ...(shown !== undefined && { component: shown }),
    ...(rules !== undefined &&
      rules.length > 0 && {
        clusterRole: {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRole",
          metadata: { name: `${account === undefined ? "subject" : account.name}-kubelet` },
          rules,
        },
      }),
    patches: rules === undefined ? [] : patchesFor(access.grants, rules),
    ...(component?.helmValues !== undefined && { helmValues: component.helmValues }),
    breaks,
    scrapes,
    remarks,
  };
}

interface Needs {
  readonly verdict: RemediationVerdict;
  readonly basis: Remediation["basis"];
  readonly needs: readonly { readonly verb: string; readonly subresource: string }[];
}

function neededBy(
  usage: readonly UsageLine[] | undefined,
  scrapes: readonly ScrapeThroughApiServer[],
  component: KnownComponent | undefined,
): Needs {
  const metrics = scrapes.length > 0 ? [{ verb: "get", subresource: "metrics" }] : [];
  if (usage !== undefined && usage.length > 0) {
    const needs = usage
      .filter(({ allowed, denied, subresource }) => subresource !== "proxy" && (allowed > 0 || denied >= 0))
      .map(({ verb, subresource }) => ({ verb, subresource }));
    const stuck = usage.some(
      ({ through, subresource, withoutFineGrained = 0, connects }) =>
        (through === "kubelet" && subresource === "proxy" && withoutFineGrained > 0) ||
        (through === "api-server" && (connects === true || subresource === "proxy")),
    );
    return {
      verdict: stuck ? "needs-proxy" : "replaceable",
      basis: "audit-log",
      needs: distinct([...needs, ...metrics]),
    };
  }
  if (usage !== undefined) return { verdict: "unused", basis: "audit-log", needs: distinct(metrics) };
  if (component !== undefined) {
    return {
      verdict: "replaceable",
      basis: "known-component",
      needs: distinct([...component.subresources.map((subresource) => ({ verb: "get", subresource })), ...metrics]),
    };
  }
  return metrics.length > 0
    ? { verdict: "replaceable", basis: "scrape-configuration", needs: metrics }
    : { verdict: "unknown", basis: "none", needs: [] };
}

function distinct(needs: Needs["needs"]): Needs["needs"] {
  const seen = new Map(needs.map((need) => [`${need.verb}/${need.subresource}`, need]));
  return [...seen.values()].sort((a, b) => (`${a.verb}${a.subresource}` < `${b.verb}${b.subresource}` ? -1 : 1));
}

function oldNodes(classes: readonly NodeClass[]): readonly string[] {
  return classes.filter(({ profile }) => !profile.fineGrained).flatMap(({ nodes }) => nodes);
}

/** Fine-grained rules for all, and nodes/proxy by name for kubelets that know no better. */
function rulesFor(needs: Needs["needs"], classes: readonly NodeClass[]): readonly PolicyRule[] {
  if (needs.length === 0) return [];
  const byVerb = new Map<string, string[]>();
  for (const { verb, subresource } of needs) byVerb.set(verb, [...(byVerb.get(verb) ?? []), `nodes/${subresource}`]);
  const rules: PolicyRule[] = [...byVerb].map(([verb, resources]) => ({ apiGroups: [""], resources, verbs: [verb] }));
  const old = oldNodes(classes);
  if (!needs.some(({ subresource }) => FINE_GRAINED.has(subresource)) || old.length === 0) return rules;
  return [
    ...rules,
    {
      apiGroups: [""],
      resources: ["nodes/proxy"],
      verbs: ["get"],
      ...(old.length <= MAXIMUM_NAMED_NODES && { resourceNames: [...old].sort() }),
    },
  ];
}

function breaksOf(
  usage: readonly UsageLine[] | undefined,
  scrapes: readonly ScrapeThroughApiServer[],
  component: KnownComponent | undefined,
  basis: Remediation["basis"],
): readonly string[] {
  return [
    ...scrapes.map(
      ({ job, holder, paths }) =>
        `scrape job "${job}" (${holder.kind} ${holder.namespace}/${holder.name}, ${holder.key}) reads ${paths.join(", ")} through the API server's proxy, which always needs nodes/proxy: it will get 403 until it asks the kubelets directly`,
    ),
    ...(usage ?? [])
      .filter(({ through }) => through === "api-server")
      .map(
        ({ path = "/", count, connects }) =>
          `${count} requests for ${path} went through the API server's proxy (${connects === true ? "commands, attach or port-forward" : "always needs nodes/proxy"}): they will get 403 unless made to the kubelets directly`,
      ),
    ...(basis !== "audit-log" && scrapes.length === 0 && component?.mayUseApiServer === true
      ? [
          `${component.name} is known to go through the API server's proxy in some installations: look at its configuration first`,
        ]
      : []),
  ];
}

function remarksOn(
  usage: readonly UsageLine[] | undefined,
  scrapes: readonly ScrapeThroughApiServer[],
  needs: Needs["needs"],
  classes: readonly NodeClass[],
): readonly string[] {
  const old = oldNodes(classes);
  const needsNew = needs.some(({ subresource }) => FINE_GRAINED.has(subresource));
  return [
    ...(scrapes.length > 0 ? [DIRECT_SCRAPE_REMARK] : []),
    ...(needsNew && old.length > 0
      ? [
          `${old.length} nodes run kubelets before 1.33, which know nodes/pods, nodes/healthz and nodes/configz only as nodes/proxy: the rule for them can go when they are upgraded`,
        ]
      : []),
    ...(needsNew && classes.some(({ assumed }) => assumed)
      ? ["versions of kubelets are not known: nodes/pods, nodes/healthz and nodes/configz need 1.33"]
      : []),
    ...(usage !== undefined && usage.length === 0
      ? ["the logs show no use; make sure they cover a whole period of its work"]
      : []),
  ];
}

/** Takes nodes/proxy out of the rules it stands in literally. Wildcards are for a person to take apart. */
function patchesFor(grants: readonly AccessGrant[], rules: readonly PolicyRule[]): readonly RolePatch[] {
  const byRole = new Map<string, AccessGrant["rule"][]>();
  for (const { rule, role } of grants) {
    if (role.assumed || !(rule.rule.resources ?? []).includes("nodes/proxy")) continue;
    const known = byRole.get(rule.writtenIn) ?? [];
    if (!known.some(({ index }) => index === rule.index)) known.push(rule);
    byRole.set(rule.writtenIn, known);
  }
  return [...byRole].map(([role, found]) => ({
    role: `ClusterRole ${role}`,
    operations: [
      ...[...found]
        .sort((a, b) => b.index - a.index)
        .flatMap(({ index, rule }): RolePatch["operations"] => {
          const rest = (rule.resources ?? []).filter((name) => name !== "nodes/proxy");
          return rest.length === 0
            ? [
                { op: "test", path: `/rules/${index}/resources`, value: rule.resources },
                { op: "remove", path: `/rules/${index}` },
              ]
            : [
                { op: "test", path: `/rules/${index}/resources`, value: rule.resources },
                { op: "replace", path: `/rules/${index}/resources`, value: rest },
              ];
        }),
      ...rules.map((rule) => ({ op: "add" as const, path: "/rules/-", value: rule })),
    ],
  }));
}

function scrapesOf(
  namespace: string | undefined,
  workloads: readonly WorkloadFacts[],
  all: readonly ScrapeThroughApiServer[],
): readonly ScrapeThroughApiServer[] {
  if (namespace === undefined) return [];
  const names = new Set(workloads.flatMap(({ configuration }) => configuration));
  return all.filter(({ holder }) => holder.namespace === namespace && names.has(holder.name));
}

/** Whether a grant is one a remediation is about. */
export function holdsProxy({ rule }: AccessGrant): boolean {
  const grant = nodeGrantOf(rule);
  return grant !== undefined && (grant.verbs[0] ?? 0) !== 0;
}
