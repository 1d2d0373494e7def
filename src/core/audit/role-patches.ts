import type { PolicyRule } from "../../api/types.ts";
import type { AccessGrant } from "./kubelet-access.ts";

/** Operations of RFC 6902 for one role; they fail where the role has changed since it was read. */
export interface RolePatch {
  /** e.g. "ClusterRole promtail". */
  readonly role: string;
  readonly operations: readonly {
    readonly op: "test" | "replace" | "remove" | "add";
    readonly path: string;
    readonly value?: unknown;
  }[];
}

const PROXY = "nodes/proxy";

function namesProxy({ rule, role }: AccessGrant): boolean {
  return !role.assumed && (rule.rule.resources ?? []).includes(PROXY);
}

/**
 * Takes nodes/proxy out of the rules it stands in literally, and puts what is needed instead into the first role that is
 * patched. Rules are a list without keys, so a strategic merge could only replace all of them.
 */
export function patchesFor(grants: readonly AccessGrant[], rules: readonly PolicyRule[]): readonly RolePatch[] {
  const byRole = new Map<string, AccessGrant["rule"][]>();
  for (const grant of grants.filter(namesProxy)) {
    const { rule } = grant;
    const known = byRole.get(rule.writtenIn) ?? [];
    if (!known.some(({ index }) => index === rule.index)) known.push(rule);
    byRole.set(rule.writtenIn, known);
  }
  return [...byRole].map(([role, found], place) => ({
    role: `ClusterRole ${role}`,
    operations: [
      // From the end, so that a rule that is removed does not move those still to come.
      ...[...found].sort((a, b) => b.index - a.index).flatMap(withoutProxy),
      ...(place === 0 ? rules : []).map((rule) => ({ op: "add" as const, path: "/rules/-", value: rule })),
    ],
  }));
}

function withoutProxy({ index, rule }: AccessGrant["rule"]): RolePatch["operations"] {
  const path = `/rules/${index}/resources`;
  const rest = (rule.resources ?? []).filter((name) => name !== PROXY);
  const unchanged = { op: "test", path, value: rule.resources } as const;
  return rest.length === 0
    ? [unchanged, { op: "remove", path: `/rules/${index}` }]
    : [unchanged, { op: "replace", path, value: rest }];
}

/** Wildcards give far more than kubelets: a person has to write out what is meant. */
export function unpatchable(grants: readonly AccessGrant[]): readonly string[] {
  const texts = grants
    .filter(({ role }) => !role.assumed)
    .flatMap(({ rule }) => {
      const wildcard = (rule.rule.resources ?? []).find((name) => name === "*" || name === "*/proxy");
      return wildcard === undefined
        ? []
        : [
            `rule ${rule.index + 1} of ClusterRole ${rule.writtenIn} gives it by the resource "${wildcard}": write out what is needed of it, no patch can`,
          ];
    });
  return [...new Set(texts)];
}
