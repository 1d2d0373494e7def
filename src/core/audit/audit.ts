import { serviceAccountUserName } from "../../api/user.ts";
import { boundRoles, type BoundRoles } from "./bound-roles.ts";
import { effectiveRoles, type EffectiveRoles } from "./effective-roles.ts";
import { indirectAccess } from "./indirect-access.ts";
import type { IndirectAccess } from "./indirect-way.ts";
import type { AuditInput, InputProblem, WorkloadFacts } from "./input.ts";
import { createAccessEvaluator, type KubeletAccess } from "./kubelet-access.ts";
import { type Remark, remarksOn } from "./look-alikes.ts";
import { classifyNodes, NEWEST_MINOR, type NodeClass, parseKubeletVersion } from "./node-classes.ts";
import { type Principal, principalKey } from "./principals.ts";
import { type KubeletAccessReport, REPORT_API_VERSION, type SubjectReport } from "./report.ts";
import { rolesReport } from "./role-report.ts";
import { scrapeProblems } from "./scrape-problems.ts";
import { createSubjectReporter } from "./subject-report.ts";
import { summarize } from "./summary.ts";
import type { Usage, UsageLine } from "./usage.ts";

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
  /** What one subject may do, directly and by detours. Costs its own bindings, not those of the others. */
  subject(principal: Principal): SubjectReport;
  report(): KubeletAccessReport;
}

export function auditKubelets(input: AuditInput, options: ReportOptions): KubeletAccessReport {
  return createAudit(input, options).report();
}

export function createAudit(input: AuditInput, options: ReportOptions): Audit {
  const roles = effectiveRoles(input);
  const bound = boundRoles(input, roles);
  const classes = classifyNodes(input.nodes, options.assumedKubelet);
  const server = parseKubeletVersion(input.apiServerVersion);
  const evaluator = createAccessEvaluator(bound, { classes, apiServer: { orlop: server?.orlop ?? false } });
  const accesses = new Map<string, KubeletAccess>();
  for (const principal of bound.principals) {
    const access = evaluator.accessOf(principal);
    if (access !== undefined && access.actions.length > 0) accesses.set(principalKey(principal), access);
  }
  const serverMinor = (server ?? parseKubeletVersion(options.assumedKubelet))?.minor ?? NEWEST_MINOR;
  const indirect = indirectOf(input, bound, roles, accesses, serverMinor);
  const accessOf = (principal: Principal): KubeletAccess | undefined =>
    accesses.get(principalKey(principal)) ?? evaluator.accessOf(principal);
  const reporter = createSubjectReporter({
    bound,
    indirect,
    accessOf,
    context: {
      classes,
      workloads: input.workloads,
      workloadsOf: byUser(input.workloads),
      linesOf: byPrincipal(options.usage?.lines ?? []),
      scrapes: input.scrapes.map(({ object }) => object),
      usage: options.usage,
      holdersOf: holdersOf(accesses.values()),
    },
  });
  return {
    subject: (principal) => reporter.reportOn(principal),
    report() {
      const wanted =
        options.only === undefined
          ? bound.principals.filter((principal) => {
              const key = principalKey(principal);
              return accesses.has(key) || indirect.has(key);
            })
          : [options.only];
      const subjects = wanted.map(reporter.reportOn).sort(bySeverity);
      return buildReport(input, options, {
        roles,
        bound,
        classes,
        subjects,
        problems: scrapeProblems(input, accessOf),
      });
    },
  };
}

function indirectOf(
  input: AuditInput,
  bound: BoundRoles,
  roles: EffectiveRoles,
  accesses: ReadonlyMap<string, KubeletAccess>,
  serverMinor: number,
): ReadonlyMap<string, IndirectAccess> {
  const direct = [...accesses.values()].filter(({ actions }) => actions.some(({ runsCommands }) => runsCommands));
  const tokenSecrets = new Map<string, { readonly name: string; readonly account: string }[]>();
  for (const { namespace, name, account } of input.tokenSecrets) {
    const list = tokenSecrets.get(namespace) ?? [];
    list.push({ name, account });
    tokenSecrets.set(namespace, list);
  }
  const found = indirectAccess(bound, roles, {
    direct: direct.map(({ principal }) => principal),
    serverMinor,
    accountsInUse: new Set(input.workloads.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)),
    namespacesInUse: new Set(input.workloads.map(({ namespace }) => namespace)),
    tokenSecrets,
  });
  return new Map(found.map((access) => [principalKey(access.principal), access]));
}

/** Who holds rules of a ClusterRole, by the role they are written in. */
function holdersOf(accesses: Iterable<KubeletAccess>): (role: string) => ReadonlySet<string> {
  const found = new Map<string, Set<string>>();
  for (const { principal, grants } of accesses) {
    for (const { rule } of grants) {
      const holders = found.get(rule.writtenIn) ?? new Set();
      found.set(rule.writtenIn, holders.add(principal.name));
    }
  }
  return (role) => found.get(role) ?? new Set();
}

function byUser(workloads: readonly WorkloadFacts[]): (user: string) => readonly WorkloadFacts[] {
  const found = grouped(workloads, ({ namespace, serviceAccount }) => [
    serviceAccountUserName(namespace, serviceAccount),
  ]);
  return (user) => found.get(user) ?? [];
}

function byPrincipal(lines: readonly UsageLine[]): (principal: Principal) => readonly UsageLine[] {
  const users = grouped(lines, ({ user }) => [user]);
  const groups = grouped(lines, (line) => line.groups);
  return ({ kind, name }) => (kind === "Group" ? groups : users).get(name) ?? [];
}

function grouped<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const list = found.get(key) ?? [];
      list.push(item);
      found.set(key, list);
    }
  }
  return found;
}

const LIMITS: readonly string[] = [
  "Only RBAC is looked at: other authorizers (webhooks, ABAC, cloud IAM) can grant more.",
  "Who is in which group is known to the authenticator only, so groups are listed as subjects of their own.",
  "pods/exec, pods/attach and pods/portforward are not kubelet rights: they are namespaced, asked at the API server and audited there. They are looked at only as ways to a holder's token.",
  "Detours by admission webhooks, by controllers of custom resources, by privileged pods or host paths, and by tokens in Secrets that were not read are not looked at.",
];

const USAGE_LIMITS: readonly string[] = [
  "Kubelets cache answers (allowed 5 minutes, denied 30 seconds by default), so counts in audit logs are lower than the number of requests: presence is exact, counts are not.",
  "An audit policy at level Metadata drops the content of SubjectAccessReviews; such events are counted as reviewsWithoutBody.",
  "Kubelets before 1.33 ask only for nodes/proxy, so their logs do not tell /pods from /exec.",
];

interface Findings {
  readonly roles: EffectiveRoles;
  readonly bound: BoundRoles;
  readonly classes: readonly NodeClass[];
  readonly subjects: readonly SubjectReport[];
  readonly problems: readonly InputProblem[];
}

function buildReport(
  input: AuditInput,
  { generatedAt, source, usage }: ReportOptions,
  { roles, bound, classes, subjects, problems: found }: Findings,
): KubeletAccessReport {
  const remarks = [...remarksOn(roles, bound)].sort((a, b) => (remarkKey(a) < remarkKey(b) ? -1 : 1));
  const problems = [
    ...input.problems,
    ...found,
    ...bound.missing.map(({ binding, role, origin }) => ({
      severity: "warning" as const,
      origin,
      message: `${binding} refers to ${role}, which is not there: it grants nothing${input.wholeCluster ? "" : " unless the cluster has it"}`,
    })),
  ];
  return {
    apiVersion: REPORT_API_VERSION,
    kind: "KubeletAccessReport",
    generatedAt,
    source,
    complete: !problems.some(({ severity }) => severity === "error"),
    summary: summarize(input, subjects, remarks),
    nodeClasses: classes.map(({ profile, nodes, ...rest }) => ({
      ...rest,
      count: nodes.length,
      fineGrained: profile.fineGrained,
      commandsNeed: profile.orlop ? "create" : "get",
    })),
    subjects,
    roles: rolesReport(roles, bound),
    remarks,
    ...(usage !== undefined && { usage }),
    problems,
    limits: usage === undefined ? LIMITS : [...LIMITS, ...USAGE_LIMITS],
  };
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
