import type { BoundRoles } from "./bound-roles.ts";
import type { EffectiveRole, EffectiveRoles } from "./effective-roles.ts";
import { nodeGrantsOf, runsCommandsUpstream } from "./node-grants.ts";
import type { RoleReport } from "./report.ts";

/** Every role of the input that gives anything on subresources of nodes, bound or not. */
export function rolesReport(roles: EffectiveRoles, bound: BoundRoles): readonly RoleReport[] {
  const collectors = collectorsOf(roles);
  return roles.all.filter(({ assumed }) => !assumed).flatMap((role) => roleReport(role, bound, collectors));
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
