import { failed, ok, type Result } from "../../lib/result.ts";
import { readExceptionList } from "./exception-list.ts";
import {
  type Acceptance,
  type KubeletAccessReport,
  REPORT_API_VERSION,
  type RoleReport,
  type SubjectReport,
} from "./report.ts";
import { countSubjects } from "./summary.ts";

/** A finding somebody has decided to live with. */
export interface Exception {
  /** As the report writes it, or "ClusterRole NAME" for one nobody is bound to; "*" at its end stands for the rest. */
  readonly subject: string;
  readonly reason: string;
  /** RFC 3339 date or time; from then on the exception no longer counts. */
  readonly expires?: string;
}

/** Reads `{exceptions: [{subject, reason, expires}]}`. */
export function readExceptions(value: unknown): Result<readonly Exception[]> {
  const read = readExceptionList(value, "subject");
  return read.ok ? ok(read.value.map(({ name, ...rest }) => ({ subject: name, ...rest }))) : read;
}

/** Exceptions for everything an earlier report found. */
export function exceptionsOfBaseline(value: unknown): Result<readonly BaselineEntry[]> {
  const report = value as Partial<KubeletAccessReport> | null;
  if (report?.apiVersion !== REPORT_API_VERSION || !Array.isArray(report.subjects)) {
    return failed(`is not a report (${REPORT_API_VERSION}) written with -o json or -o yaml`);
  }
  const roles = Array.isArray(report.roles) ? (report.roles as readonly RoleReport[]) : [];
  return ok([
    ...(report.subjects as readonly SubjectReport[]).map((subject) => ({
      subject: subject.name,
      fingerprint: fingerprint(subject),
    })),
    ...roles.map((role) => ({ subject: nameOf(role), fingerprint: role.subresources })),
  ]);
}

/** A finding as it was; it stays accepted while it does not grow. */
export interface BaselineEntry {
  readonly subject: string;
  readonly fingerprint: readonly string[];
}

/** No node can have that name. */
const ALL_NODES = "*";

/** What a subject can do, in a form that can be compared. */
function fingerprint({ actions, indirect }: SubjectReport): readonly string[] {
  return [
    ...actions.flatMap(({ action, routes }) =>
      routes.flatMap(({ through, nodes }) =>
        (nodes.scope === "named" ? nodes.names : [nodes.scope === "all" ? ALL_NODES : nodes.scope]).map(
          (where) => `${action}/${through}/${where}`,
        ),
      ),
    ),
    ...indirect.flatMap(([first]) => (first === undefined ? [] : [`indirect/${first.method}`])),
  ];
}

function onAllNodes(entry: string): string {
  return entry.replace(/[^/]*$/, ALL_NODES);
}

/** Marks what is accepted. Expired exceptions are named as problems, so that nobody wonders. */
export function accept(
  report: KubeletAccessReport,
  exceptions: readonly Exception[],
  baseline: readonly BaselineEntry[],
  now: number,
): KubeletAccessReport {
  const known = new Map(baseline.map(({ subject, fingerprint }) => [subject, new Set(fingerprint)]));
  const expired = exceptions.filter(({ expires }) => expires !== undefined && Date.parse(expires) <= now);
  const valid = exceptions.filter((exception) => !expired.includes(exception));
  const acceptance = (name: string, found: readonly string[]): { readonly accepted?: Acceptance } => {
    const exception = valid.find((one) => isFor(one, name));
    if (exception !== undefined) {
      const { reason, expires } = exception;
      return { accepted: { reason, ...(expires !== undefined && { expires }) } };
    }
    const before = known.get(name);
    const hasNotGrown = before !== undefined && found.every((one) => before.has(one) || before.has(onAllNodes(one)));
    return hasNotGrown ? { accepted: { reason: "in the baseline" } } : {};
  };
  const subjects = report.subjects.map((subject) => ({
    ...subject,
    ...acceptance(subject.name, fingerprint(subject)),
  }));
  const roles = report.roles.map((role) => ({ ...role, ...acceptance(nameOf(role), role.subresources) }));
  return {
    ...report,
    subjects,
    roles,
    summary: { ...report.summary, ...countSubjects(subjects) },
    problems: [
      ...report.problems,
      ...expired.map(({ subject, expires = "", reason }) => ({
        severity: "warning" as const,
        origin: { file: "", line: 0 },
        message: `the exception for ${subject} ("${reason}") expired on ${expires}`,
      })),
    ],
  };
}

function nameOf({ kind, namespace, name }: RoleReport): string {
  return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}

function isFor({ subject }: Exception, name: string): boolean {
  return subject.endsWith("*") ? name.startsWith(subject.slice(0, -1)) : subject === name;
}
