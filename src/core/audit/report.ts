import type { PolicyRule } from "../../api/types.ts";
import { type BoundRoles, boundRoles } from "./bound-roles.ts";
import { createBuiltIn } from "./built-in.ts";
import { type EffectiveRole, type EffectiveRoles, effectiveRoles } from "./effective-roles.ts";
import { type IndirectAccess, indirectAccess } from "./indirect-access.ts";
import type { AuditInput } from "./input.ts";
import {
  type AccessEvaluator,
  type AccessGrant,
  type ActionAccess,
  createAccessEvaluator,
  type KubeletAccess,
  type Route,
} from "./kubelet-access.ts";
import { type Remark, remarksOn } from "./look-alikes.ts";
import { classifyNodes, type NodeClass, parseKubeletVersion } from "./node-classes.ts";
import { nodeGrantsOf, runsCommandsUpstream } from "./node-grants.ts";
import type { Origin } from "./origin.ts";
import { type Principal, principalKey } from "./principals.ts";
import { holdsProxy, type Remediation, remediationFor } from "./remediation.ts";
import type { Usage } from "./usage.ts";

export const REPORT_API_VERSION = "audit.orlop.dev/v1alpha1";

/** How a subject may run commands, without any detour. */
export interface RunCommands {
  /** exec, attach, portForward, run: those that are open. */
  readonly actions: readonly string[];
  /** A grant people take for reading is enough: no more than get. */
  readonly withGetAlone: boolean;
  readonly routes: readonly Route[];
}

export interface ChainStep {
  /** Who does it. */
  readonly subject: string;
  readonly method: string;
  /** Who is taken over by it. */
  readonly target?: string;
  readonly role?: string;
  /** Where the right to do it comes from. */
  readonly through: readonly string[];
  readonly origins: readonly Origin[];
}

export interface SubjectReport {
  readonly kind: Principal["kind"];
  readonly name: string;
  /** Present for administrators and the control plane, which do not count for the exit code. */
  readonly builtIn?: string;
  readonly runCommands?: RunCommands;
  readonly actions: readonly ActionAccess[];
  readonly grants: readonly AccessGrant[];
  /** Ways to run commands by detours; each a chain of steps that ends with one who may. */
  readonly indirect: readonly (readonly ChainStep[])[];
  readonly remediation?: Remediation;
  /** From an exceptions file or a baseline. */
  readonly accepted?: { readonly reason: string; readonly expires?: string };
}

export interface RoleReport {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly runsCommands: boolean;
  readonly subresources: readonly string[];
  readonly boundBy: readonly string[];
  /** Roles that collect its rules by aggregation. */
  readonly collectedBy: readonly string[];
  readonly origin: Origin;
}

export interface Summary {
  readonly subjects: number;
  /** May run commands, built-in administrators not counted. */
  readonly canRunCommands: number;
  readonly canRunCommandsWithGetAlone: number;
  readonly builtInAdministrators: number;
  readonly indirect: number;
  readonly accepted: number;
  readonly phantoms: number;
  readonly harmless: number;
  readonly files: number;
  readonly documents: number;
  readonly objects: Readonly<Record<string, number>>;
  readonly notUnderstood: { readonly documents: number; readonly kinds: Readonly<Record<string, number>> };
}

export interface KubeletAccessReport {
  readonly apiVersion: typeof REPORT_API_VERSION;
  readonly kind: "KubeletAccessReport";
  readonly generatedAt: string;
  readonly source: string;
  /** False when something was not readable or not allowed to be read: see problems. */
  readonly complete: boolean;
  readonly summary: Summary;
  readonly nodeClasses: readonly (Omit<NodeClass, "profile" | "nodes"> & {
    readonly count: number;
    readonly fineGrained: boolean;
    readonly commandsNeed: "get" | "create";
  })[];
  readonly subjects: readonly SubjectReport[];
  /** Roles that give anything on subresources of nodes. */
  readonly roles: readonly RoleReport[];
  readonly remarks: readonly Remark[];
  readonly usage?: Usage;
  readonly problems: readonly {
    readonly severity: "error" | "warning";
    readonly message: string;
    readonly origin: Origin;
  }[];
  readonly limits: readonly string[];
}

export interface ReportOptions {
  readonly generatedAt: string;
  readonly source: string;
  /** Version taken for kubelets that are not known. */
  readonly assumedKubelet: string;
  /** Only this subject, found or not. */
  readonly only?: Principal;
  readonly usage?: Usage;
}

/** Everything loaded and indexed, to be asked. */
export interface Audit {
  /** What one subject may do without a detour. Costs its own bindings, not those of the others. */
  accessOf(principal: Principal): KubeletAccess | undefined;
  report(): KubeletAccessReport;
}

export function createAudit(input: AuditInput, options: ReportOptions): Audit {
  const roles = effectiveRoles(input);
  const bound = boundRoles(input, roles);
  const classes = classifyNodes(input.nodes, options.assumedKubelet);
  const apiServer = { orlop: parseKubeletVersion(input.apiServerVersion)?.orlop ?? false };
  const evaluator = createAccessEvaluator(bound, { classes, apiServer });
  return {
    accessOf: evaluator.accessOf,
    report: () => buildReport(input, { roles, bound, classes, evaluator }, options),
  };
}

export function auditKubelets(input: AuditInput, options: ReportOptions): KubeletAccessReport {
  return createAudit(input, options).report();
}

interface Indexed {
  readonly roles: EffectiveRoles;
  readonly bound: BoundRoles;
  readonly classes: readonly NodeClass[];
  readonly evaluator: AccessEvaluator;
}

const LIMITS: readonly string[] = [
  "Only RBAC is looked at: other authorizers (webhooks, ABAC, cloud IAM) can grant more.",
  "pods/exec, pods/attach and pods/portforward are not kubelet rights: they are namespaced, asked at the API server and audited there. They are looked at only as ways to a holder's token.",
];

function buildReport(
  input: AuditInput,
  { roles, bound, classes, evaluator }: Indexed,
  options: ReportOptions,
): KubeletAccessReport {
  const builtIn = createBuiltIn();
  const accesses = new Map<string, KubeletAccess>();
  for (const principal of bound.principals) {
    const access = evaluator.accessOf(principal);
    if (access !== undefined && access.actions.length > 0) accesses.set(principalKey(principal), access);
  }
  const direct = [...accesses.values()].filter(({ actions }) => actions.some(({ runsCommands }) => runsCommands));
  const indirect = new Map(
    indirectAccess(bound, roles, {
      direct: direct.map(({ principal }) => principal),
      accountsInUse: new Set(input.workloads.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)),
    }).map((access) => [principalKey(access.principal), access]),
  );
  const scrapes = input.scrapes.map(({ object }) => object);
  const context = { classes, workloads: input.workloads, scrapes, usage: options.usage?.lines };
  const reportOn = (principal: Principal): SubjectReport => {
    const key = principalKey(principal);
    const access = accesses.get(key);
    const detours = indirect.get(key);
    const runCommands = runCommandsOf(access);
    const through = throughOf(access, detours, bound);
    const reason = builtIn.reasonFor(principal, through);
    const wantsFix = reason === undefined && access?.grants.some(holdsProxy) === true;
    return {
      kind: principal.kind,
      name: principal.name,
      ...(reason !== undefined && { builtIn: reason }),
      ...(runCommands !== undefined && { runCommands }),
      actions: access?.actions ?? [],
      grants: access?.grants ?? [],
      indirect: detours === undefined ? [] : detours.ways.map((_, place) => chainOf(detours, place, indirect)),
      ...(wantsFix && access !== undefined && { remediation: remediationFor(access, context) }),
    };
  };
  const collectors = collectorsOf(roles);
  const wanted =
    options.only === undefined
      ? bound.principals.filter(
          (principal) => accesses.has(principalKey(principal)) || indirect.has(principalKey(principal)),
        )
      : [options.only];
  if (options.only !== undefined) {
    const access = evaluator.accessOf(options.only);
    if (access !== undefined) accesses.set(principalKey(options.only), access);
  }
  const subjects = wanted.map(reportOn).sort(bySeverity);
  const remarks = [...remarksOn(roles, bound)].sort((a, b) => (remarkKey(a) < remarkKey(b) ? -1 : 1));
  const problems = [
    ...input.problems,
    ...bound.missing.map(({ binding, role, origin }) => ({
      severity: "warning" as const,
      origin,
      message: `${binding} refers to ${role}, which is not there: it grants nothing${input.wholeCluster ? "" : " unless the cluster has it"}`,
    })),
  ];
  return {
    apiVersion: REPORT_API_VERSION,
    kind: "KubeletAccessReport",
    generatedAt: options.generatedAt,
    source: options.source,
    complete: !problems.some(({ severity }) => severity === "error"),
    summary: summarize(input, subjects, remarks),
    nodeClasses: classes.map(({ profile, nodes, ...rest }) => ({
      ...rest,
      count: nodes.length,
      fineGrained: profile.fineGrained,
      commandsNeed: profile.orlop ? "create" : "get",
    })),
    subjects,
    roles: roles.all.filter(({ assumed }) => !assumed).flatMap((role) => roleReport(role, bound, collectors)),
    remarks,
    ...(options.usage !== undefined && { usage: options.usage }),
    problems,
    limits: options.usage === undefined ? LIMITS : [...LIMITS, ...USAGE_LIMITS],
  };
}

const USAGE_LIMITS: readonly string[] = [
  "Kubelets cache answers (allowed 5 minutes, denied 30 seconds by default), so counts in audit logs are lower than the number of requests: presence is exact, counts are not.",
  "An audit policy at level Metadata drops the content of SubjectAccessReviews; such events are counted as reviewsWithoutBody.",
  "Kubelets before 1.33 ask only for nodes/proxy, so their logs do not tell /pods from /exec.",
];

function runCommandsOf(access: KubeletAccess | undefined): RunCommands | undefined {
  const open = access?.actions.filter(({ runsCommands }) => runsCommands) ?? [];
  const [first] = open;
  if (first === undefined) return undefined;
  const withGet = open.filter(({ routes }) => routes.some((route) => route.with.includes("get nodes/proxy")));
  return {
    actions: open.map(({ action }) => action),
    withGetAlone:
      withGet.length > 0 &&
      !open.some(({ routes }) => routes.some((route) => route.with.includes("create nodes/proxy"))),
    routes: first.routes,
  };
}

function throughOf(
  access: KubeletAccess | undefined,
  detours: IndirectAccess | undefined,
  bound: BoundRoles,
): readonly {
  readonly held: { readonly role: EffectiveRole; readonly binding: AccessGrant["binding"] };
  readonly rule: PolicyRule;
}[] {
  const held = access === undefined ? [] : bound.heldBy(access.principal);
  const direct = (access?.grants ?? []).flatMap((grant) => {
    const found = held.find(({ held }) => held.binding === grant.binding && held.role.name === grant.role.name);
    return found === undefined ? [] : [{ held: found.held, rule: grant.rule.rule }];
  });
  const indirect = (detours?.ways ?? []).flatMap(({ capabilities }) =>
    capabilities.map(({ by, capability }) => ({ held: by.held, rule: capability.source.rule })),
  );
  return [...direct, ...indirect];
}

/** The first step as asked, then the shortest way of each who is taken over. */
function chainOf(
  access: IndirectAccess,
  place: number,
  all: ReadonlyMap<string, IndirectAccess>,
): readonly ChainStep[] {
  const steps: ChainStep[] = [];
  let current: IndirectAccess | undefined = access;
  let way = access.ways[place];
  const seen = new Set<IndirectAccess>();
  while (current !== undefined && way !== undefined && !seen.has(current)) {
    seen.add(current);
    steps.push({
      subject: current.principal.name,
      method: way.method,
      ...(way.target !== undefined && { target: way.target.name }),
      ...(way.role !== undefined && { role: way.role }),
      through: [
        ...new Set(way.capabilities.map(({ by, capability }) => describeThrough(by, capability.source.writtenIn))),
      ],
      origins: way.capabilities.map(({ capability }) => capability.source.origin),
    });
    current = way.target === undefined ? undefined : all.get(principalKey(way.target));
    way = current?.ways[0];
  }
  return steps;
}

function describeThrough(
  {
    held,
    group,
  }: {
    readonly held: { readonly role: EffectiveRole; readonly binding: AccessGrant["binding"] };
    readonly group: string | undefined;
  },
  writtenIn: string,
): string {
  const { binding, role } = held;
  const name = binding.namespace === "" ? binding.name : `${binding.namespace}/${binding.name}`;
  const from = writtenIn === role.name ? "" : ` (rule of ClusterRole ${writtenIn}, aggregated)`;
  return `${binding.kind} ${name} of ${role.kind} ${role.name}${from}${group === undefined ? "" : ` to group ${group}`}`;
}

/** The chain of one grant in words. */
export function describeGrant(grant: AccessGrant): string {
  const { binding, role, aggregatedFrom, group } = grant;
  const from = aggregatedFrom === undefined ? "" : ` (rule of ClusterRole ${aggregatedFrom}, aggregated)`;
  return `${binding.kind} ${binding.name} of ${role.kind} ${role.name}${from}${group === undefined ? "" : ` to group ${group}`}`;
}

/** Which roles collect rules of a role, by its name. */
function collectorsOf(roles: EffectiveRoles): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { name, rules, aggregates } of roles.all) {
    if (!aggregates) continue;
    for (const { writtenIn } of rules) {
      if (writtenIn !== name) found.set(writtenIn, (found.get(writtenIn) ?? new Set()).add(name));
    }
  }
  return found;
}

function roleReport(
  role: EffectiveRole,
  bound: BoundRoles,
  collectors: ReadonlyMap<string, ReadonlySet<string>>,
): readonly RoleReport[] {
  const grants = nodeGrantsOf(role);
  const [first] = grants;
  if (first === undefined) return [];
  return [
    {
      kind: role.kind,
      namespace: role.namespace,
      name: role.name,
      runsCommands: role.kind === "ClusterRole" && grants.some(runsCommandsUpstream),
      subresources: [
        ...new Set(
          grants.flatMap(({ source }) =>
            (source.rule.resources ?? []).filter((name) => name.includes("/") || name === "*"),
          ),
        ),
      ].filter((name) => name === "*" || name.startsWith("nodes/") || name.startsWith("*/")),
      boundBy: bound
        .bindingsOf(role)
        .map(({ kind, namespace, name }) => `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`),
      collectedBy: role.kind === "ClusterRole" ? [...(collectors.get(role.name) ?? [])].sort() : [],
      origin: (grants.find(runsCommandsUpstream) ?? first).source.origin,
    },
  ];
}

function severity({ runCommands, builtIn, indirect }: SubjectReport): number {
  if (runCommands !== undefined) return builtIn === undefined ? 0 : 3;
  if (indirect.length > 0) return builtIn === undefined ? 1 : 4;
  return 2;
}

function bySeverity(left: SubjectReport, right: SubjectReport): number {
  return severity(left) - severity(right) || (left.name < right.name ? -1 : left.name > right.name ? 1 : 0);
}

function remarkKey({ type, object, subject }: Remark): string {
  return [type === "phantom" ? 0 : 1, object, subject].join("|");
}

/** Numbers over the subjects; done again when some of them become accepted. */
export function countSubjects(
  subjects: readonly SubjectReport[],
): Pick<
  Summary,
  "subjects" | "canRunCommands" | "canRunCommandsWithGetAlone" | "builtInAdministrators" | "indirect" | "accepted"
> {
  const open = subjects.filter(({ builtIn, accepted }) => builtIn === undefined && accepted === undefined);
  return {
    subjects: subjects.length,
    canRunCommands: open.filter(({ runCommands }) => runCommands !== undefined).length,
    canRunCommandsWithGetAlone: open.filter(({ runCommands }) => runCommands?.withGetAlone === true).length,
    builtInAdministrators: subjects.filter(
      ({ builtIn, runCommands }) => builtIn !== undefined && runCommands !== undefined,
    ).length,
    indirect: open.filter(({ runCommands, indirect }) => runCommands === undefined && indirect.length > 0).length,
    accepted: subjects.filter(({ accepted }) => accepted !== undefined).length,
  };
}

function summarize(input: AuditInput, subjects: readonly SubjectReport[], remarks: readonly Remark[]): Summary {
  const { otherKinds, problems } = input;
  return {
    ...countSubjects(subjects),
    phantoms: remarks.filter(({ type }) => type === "phantom").length,
    harmless: remarks.filter(({ type }) => type === "harmless").length,
    files: input.files,
    documents: input.documents,
    objects: {
      ClusterRole: input.clusterRoles.length,
      Role: input.roles.length,
      ClusterRoleBinding: input.clusterRoleBindings.length,
      RoleBinding: input.roleBindings.length,
      Node: input.nodes.length,
      ServiceAccount: input.serviceAccounts.length,
      workloads: input.workloads.length,
    },
    notUnderstood: { documents: problems.filter(({ severity }) => severity === "error").length, kinds: otherKinds },
  };
}
