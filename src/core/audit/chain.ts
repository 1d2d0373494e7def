import type { HeldBy } from "./bound-roles.ts";
import type { IndirectAccess } from "./indirect-way.ts";
import type { AccessGrant } from "./kubelet-access.ts";
import { principalKey } from "./principals.ts";
import type { ChainStep } from "./report.ts";

/** The first step as asked, then the shortest way of each who is taken over. */
export function chainOf(
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

function describeThrough({ held, group }: HeldBy, writtenIn: string): string {
  const { binding, role } = held;
  const aggregated = writtenIn === role.name ? {} : { aggregatedFrom: writtenIn };
  return describeGrant({ binding, role, ...aggregated, ...(group !== undefined && { group }) });
}

/** From a binding to a rule, in words. */
export function describeGrant({
  binding,
  role,
  aggregatedFrom,
  group,
}: Pick<AccessGrant, "binding" | "aggregatedFrom" | "group"> & {
  readonly role: Pick<AccessGrant["role"], "kind" | "name">;
}): string {
  const name = binding.namespace === "" ? binding.name : `${binding.namespace}/${binding.name}`;
  const from = aggregatedFrom === undefined ? "" : ` (rule of ClusterRole ${aggregatedFrom}, aggregated)`;
  return `${binding.kind} ${name} of ${role.kind} ${role.name}${from}${group === undefined ? "" : ` to group ${group}`}`;
}
