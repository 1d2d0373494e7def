import type { ClusterRole } from "../../api/types.ts";
import { ok, type Result } from "../../lib/result.ts";
import { readExceptionList } from "./exception-list.ts";

/** Spelled once: the decision below and the CEL expressions are made of the same lists. */
export const GRANTING_GROUPS: readonly string[] = ["", "*"];
export const GRANTING_RESOURCES: readonly string[] = ["nodes/proxy", "*/proxy", "*"];
export const GRANTING_VERBS: readonly string[] = ["get", "create", "*"];
/** Standard roles that are meant to; the API server keeps them up to date itself. */
export const STANDARD_ROLES: readonly string[] = ["cluster-admin", "system:kubelet-api-admin"];

export interface RoleException {
  readonly role: string;
  readonly reason: string;
  /** RFC 3339 date or time; roles made or changed from then on are refused. */
  readonly expires?: string;
}

export interface PolicySource {
  readonly exceptions: readonly RoleException[];
  /** Also refuse changes of roles that granted it before. */
  readonly strict: boolean;
  /** Milliseconds; exceptions that are over are left out. */
  readonly now: number;
}

/** CEL over `object` and `oldObject`, as every engine has them. */
export interface PolicyExpressions {
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  /** True when the role may pass. */
  readonly allowed: string;
  readonly message: string;
}

/** Whether a role would let its holders run commands through upstream kubelets. */
export function grantsCommands({ rules }: Pick<ClusterRole, "rules">): boolean {
  return (rules ?? []).some(
    ({ apiGroups = [], resources = [], verbs }) =>
      apiGroups.some((group) => GRANTING_GROUPS.includes(group)) &&
      resources.some((resource) => GRANTING_RESOURCES.includes(resource)) &&
      verbs.some((verb) => GRANTING_VERBS.includes(verb)),
  );
}

/**
 * One source for all engines. `rules` of a ClusterRole is null when it has none, and a rule for URLs has no resources:
 * both must pass.
 */
export function policyExpressions({ exceptions, strict, now }: PolicySource): PolicyExpressions {
  const list = (texts: readonly string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;
  const grants = (rules: string): string =>
    `${rules}.exists(r, has(r.apiGroups) && has(r.resources) && has(r.verbs) && ` +
    `r.apiGroups.exists(g, g in ${list(GRANTING_GROUPS)}) && ` +
    `r.resources.exists(x, x in ${list(GRANTING_RESOURCES)}) && ` +
    `r.verbs.exists(v, v in ${list(GRANTING_VERBS)}))`;
  const rulesOf = (object: string): string =>
    `has(${object}.rules) && dyn(${object}.rules) != null ? ${object}.rules : []`;
  const current = exceptions.filter(({ expires }) => expires === undefined || Date.parse(expires) > now);
  const lasting = current.filter(({ expires }) => expires === undefined).map(({ role }) => role);
  const limited = current.flatMap(({ role, expires }) =>
    expires === undefined ? [] : [`(object.metadata.name == ${JSON.stringify(role)} && !(${changedSince(expires)}))`],
  );
  const excepted = [`object.metadata.name in ${list([...STANDARD_ROLES, ...lasting])}`, ...limited].join(" || ");
  return {
    variables: [
      { name: "rules", expression: rulesOf("object") },
      { name: "grants", expression: grants("variables.rules") },
      { name: "excepted", expression: excepted },
      ...(strict
        ? []
        : [
            { name: "oldRules", expression: `dyn(oldObject) == null ? [] : (${rulesOf("oldObject")})` },
            { name: "grantedBefore", expression: grants("variables.oldRules") },
          ]),
    ],
    allowed: `!variables.grants || variables.excepted${strict ? "" : " || variables.grantedBefore"}`,
    message:
      "nodes/proxy (also by * and */proxy) lets its holders run commands in every container of the nodes, get is enough; use nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz or nodes/configz",
  };
}

/**
 * CEL has no clock. The API server writes the time of creation, and of the last change by each field manager, into the
 * object before policies see it, so these tell whether the request at hand came too late.
 */
function changedSince(expires: string): string {
  const end = `timestamp(${JSON.stringify(new Date(expires).toISOString())})`;
  const created = "object.metadata.creationTimestamp";
  const managed = "object.metadata.managedFields";
  return (
    `(has(${created}) && dyn(${created}) != null && timestamp(${created}) >= ${end}) || ` +
    `(has(${managed}) && ${managed}.exists(f, has(f.time) && timestamp(f.time) >= ${end}))`
  );
}

/** Reads `{exceptions: [{role, reason, expires}]}`. */
export function readRoleExceptions(value: unknown): Result<readonly RoleException[]> {
  const read = readExceptionList(value, "role");
  return read.ok ? ok(read.value.map(({ name, ...rest }) => ({ role: name, ...rest }))) : read;
}
