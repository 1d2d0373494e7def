import type { ClusterRole, PolicyRule } from "../../api/types.ts";
import { componentOf, type KnownComponent } from "./components.ts";
import type { WorkloadFacts } from "./input.ts";
import type { AccessGrant, KubeletAccess } from "./kubelet-access.ts";
import { type Need, type Needs, neededBy, needsNewKubelets, unusedSubresources } from "./needs.ts";
import type { NodeClass } from "./node-classes.ts";
import { nodeGrantOf } from "./node-grants.ts";
import { type Principal, serviceAccountOf } from "./principals.ts";
import { patchesFor, type RolePatch, unpatchable } from "./role-patches.ts";
import { describeScrape, DIRECT_SCRAPE_REMARK, type ScrapeThroughApiServer } from "./scrape-config.ts";
import type { Usage, UsageLine } from "./usage.ts";

/** What to do about one subject's rights on kubelets. */
export interface Remediation {
  readonly verdict: Needs["verdict"];
  readonly basis: Needs["basis"];
  readonly component?: Pick<KnownComponent, "name" | "endpoints" | "source" | "asOf" | "remark">;
  /** A ClusterRole with what is needed of kubelets and nothing else. */
  readonly clusterRole?: ClusterRole;
  /** For each role written in the input: operations of RFC 6902 that take the grant out and put the replacement in. */
  readonly patches: readonly RolePatch[];
  readonly helmValues?: Readonly<Record<string, unknown>>;
  /** What stops working with the patch, if nothing else changes. */
  readonly breaks: readonly string[];
  readonly scrapes: readonly ScrapeThroughApiServer[];
  /** Narrow rights the logs show no use of, e.g. "nodes/stats". */
  readonly unused: readonly string[];
  readonly remarks: readonly string[];
}

export interface RemediationContext {
  readonly classes: readonly NodeClass[];
  readonly workloads: readonly WorkloadFacts[];
  /** By user name of their ServiceAccount. */
  readonly workloadsOf: (user: string) => readonly WorkloadFacts[];
  /** What was seen of a user; of a group, what its members did. */
  readonly linesOf: (principal: Principal) => readonly UsageLine[];
  readonly scrapes: readonly ScrapeThroughApiServer[];
  /** undefined: no audit log was read. */
  readonly usage: Usage | undefined;
  /** Names of everybody a ClusterRole is bound to, also by aggregation. */
  readonly holdersOf: (role: string) => ReadonlySet<string>;
}

/** A rule by names of nodes gets too long to be read beyond this. */
const MAXIMUM_NAMED_NODES = 100;

/** The least a subject needs instead of what it has, and what changes with it. */
export function remediationFor(access: KubeletAccess, context: RemediationContext): Remediation {
  const { principal, grants } = access;
  const { classes, usage } = context;
  const account = serviceAccountOf(principal.name);
  const workloads = context.workloadsOf(principal.name);
  const scrapes = scrapesOf(account?.namespace, workloads, context);
  const component = componentFor(access, workloads);
  const lines = usage === undefined ? undefined : context.linesOf(principal);
  const found = neededBy({ lines, usage, scrapes, component, classes });
  const rules =
    found.verdict === "unknown" || found.verdict === "needs-proxy" ? undefined : rulesFor(found.needs, classes);
  const patches = rules === undefined ? [] : patchesFor(grants, rules);
  return {
    verdict: found.verdict,
    basis: found.basis,
    ...(component !== undefined && { component: shown(component) }),
    ...(rules !== undefined &&
      rules.length > 0 && {
        clusterRole: {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRole",
          metadata: { name: `${account === undefined ? "subject" : account.name}-kubelet` },
          rules,
        },
      }),
    patches,
    ...(component?.helmValues !== undefined && { helmValues: component.helmValues }),
    breaks: breaksOf(lines, scrapes, component, found.basis),
    scrapes,
    unused: lines === undefined || usage === undefined ? [] : unusedSubresources(grants, lines, usage, classes),
    remarks: [
      ...found.remarks,
      ...(scrapes.length > 0 ? [DIRECT_SCRAPE_REMARK] : []),
      ...versionRemarks(found.needs, classes),
      ...unpatchable(grants),
      ...patches.flatMap(({ role }) => sharedRemark(role, principal, context)),
    ],
  };
}

/** Whether a grant is one a remediation is about. */
export function holdsProxy({ rule }: AccessGrant): boolean {
  const grant = nodeGrantOf(rule);
  return grant !== undefined && (grant.verbs[0] ?? 0) !== 0;
}

function shown({ name, endpoints, source, asOf, remark }: KnownComponent): NonNullable<Remediation["component"]> {
  return { name, endpoints, source, asOf, ...(remark !== undefined && { remark }) };
}

function componentFor(
  { principal, grants }: KubeletAccess,
  workloads: readonly WorkloadFacts[],
): KnownComponent | undefined {
  return componentOf([
    principal.name,
    ...grants.flatMap(({ role, rule }) => [role.name, rule.writtenIn]),
    ...workloads.flatMap(({ name, images, labels }) => [name, ...images, labels["app.kubernetes.io/name"] ?? ""]),
  ]);
}

function oldNodes(classes: readonly NodeClass[]): readonly string[] {
  return classes.filter(({ profile }) => !profile.fineGrained).flatMap(({ nodes }) => nodes);
}

/** Fine-grained rules for all, and nodes/proxy by name for kubelets that know no better. */
function rulesFor(needs: readonly Need[], classes: readonly NodeClass[]): readonly PolicyRule[] {
  if (needs.length === 0) return [];
  const byVerb = new Map<string, string[]>();
  for (const { verb, subresource } of needs) byVerb.set(verb, [...(byVerb.get(verb) ?? []), `nodes/${subresource}`]);
  const rules: PolicyRule[] = [...byVerb].map(([verb, resources]) => ({ apiGroups: [""], resources, verbs: [verb] }));
  const old = oldNodes(classes);
  if (!needsNewKubelets(needs) || old.length === 0) return rules;
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
  lines: readonly UsageLine[] | undefined,
  scrapes: readonly ScrapeThroughApiServer[],
  component: KnownComponent | undefined,
  basis: Remediation["basis"],
): readonly string[] {
  return [
    ...scrapes.map(
      (scrape) =>
        `${describeScrape(scrape)}, which always needs nodes/proxy: it will get 403 until it asks the kubelets directly${scrape.direct === undefined ? " (its form is not known: change it by hand)" : ""}`,
    ),
    ...(lines ?? [])
      .filter(({ through }) => through === "api-server")
      .map(
        ({ path = "/", count, connects }) =>
          `${count} requests for ${path} went through the API server's proxy (${connects === true ? "commands, attach or port-forward" : "always needs nodes/proxy"}): they will get 403 unless made to the kubelets directly`,
      ),
    ...(basis !== "audit-log" && scrapes.length === 0 && component?.through === "either"
      ? [
          `${component.name} is known to go through the API server's proxy in some installations: look at its configuration first`,
        ]
      : []),
  ];
}

function versionRemarks(needs: readonly Need[], classes: readonly NodeClass[]): readonly string[] {
  if (!needsNewKubelets(needs)) return [];
  const old = oldNodes(classes);
  return [
    ...(old.length > 0
      ? [
          `${old.length} nodes run kubelets before 1.33, which know nodes/pods, nodes/healthz and nodes/configz only as nodes/proxy: the rule for them can go when they are upgraded, and until then its holder can run commands there`,
        ]
      : []),
    ...(classes.some(({ assumed }) => assumed)
      ? ["versions of kubelets are not known: nodes/pods, nodes/healthz and nodes/configz need 1.33"]
      : []),
  ];
}

/** Up to three; there may be thousands. */
function firstOthers(holders: ReadonlySet<string>, self: string): readonly string[] {
  const found: string[] = [];
  for (const holder of holders) {
    if (found.length === 3) break;
    if (holder !== self) found.push(holder);
  }
  return found;
}

function sharedRemark(role: string, principal: Principal, { holdersOf }: RemediationContext): readonly string[] {
  const name = role.slice(role.indexOf(" ") + 1);
  const others = firstOthers(holdersOf(name), principal.name);
  if (others.length === 0) return [];
  const named = others.join(", ");
  const rest = holdersOf(name).size - 1 - others.length;
  const more = rest > 0 ? ` and ${rest} more` : "";
  return [`${role} is held by ${named}${more} as well: patching it changes their rights too`];
}

/** Those its workloads mount; one that nothing here mounts may be anybody's of its namespace. */
function scrapesOf(
  namespace: string | undefined,
  own: readonly WorkloadFacts[],
  { scrapes, workloads }: RemediationContext,
): readonly ScrapeThroughApiServer[] {
  if (namespace === undefined) return [];
  const mounts = ({ configuration }: WorkloadFacts, name: string): boolean => configuration.includes(name);
  return scrapes.filter(
    ({ holder }) =>
      holder.namespace === namespace &&
      (own.some((one) => mounts(one, holder.name)) ||
        !workloads.some((one) => one.namespace === namespace && mounts(one, holder.name))),
  );
}
