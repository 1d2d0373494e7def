import type { BoundRoles } from "./bound-roles.ts";
import { type Capability, capabilitiesOf } from "./capabilities.ts";
import type { EffectiveRole, EffectiveRoles } from "./effective-roles.ts";
import { collectCapabilities } from "./held-capabilities.ts";
import type { IndirectAccess, IndirectWay } from "./indirect-way.ts";
import { type Principal, principalKey } from "./principals.ts";
import { createRightsToRights } from "./rights-to-rights.ts";
import { createTakeovers, type Surroundings, takesOverAccounts } from "./takeovers.ts";

export interface IndirectOptions extends Surroundings {
  /** Who may run commands without any detour. */
  readonly direct: readonly Principal[];
  /** Minor version of the API server. */
  readonly serverMinor: number;
}

/**
 * Everybody who can get to run commands by way of somebody else or of more rights, however many steps it takes. Each
 * principal is looked at once, so the cost grows with bindings and not with paths.
 */
export function indirectAccess(
  bound: BoundRoles,
  roles: EffectiveRoles,
  options: IndirectOptions,
): readonly IndirectAccess[] {
  const direct = new Set(options.direct.map(principalKey));
  const found = new Map<string, { readonly principal: Principal; readonly ways: IndirectWay[] }>();
  // Masters are above RBAC and always there to be impersonated.
  const queue: Principal[] = [{ kind: "Group", name: "system:masters" }, ...options.direct];
  const takeovers = createTakeovers(options);

  const capabilitiesByRole = new Map<EffectiveRole, readonly Capability[]>();
  const capabilitiesIn = (role: EffectiveRole): readonly Capability[] => {
    const known = capabilitiesByRole.get(role) ?? capabilitiesOf(role, options.serverMinor);
    capabilitiesByRole.set(role, known);
    return known;
  };
  const rights = createRightsToRights(bound, roles, (role) => takesOverAccounts(capabilitiesIn(role)));

  const reach = (principal: Principal, way: IndirectWay): void => {
    const key = principalKey(principal);
    if (direct.has(key)) return;
    if (way.target !== undefined && principalKey(way.target) === key) return;
    const known = found.get(key);
    if (known === undefined) {
      found.set(key, { principal, ways: [way] });
      queue.push(principal);
    } else if (!known.ways.some(({ method }) => method === way.method)) known.ways.push(way);
  };

  for (const principal of bound.principals) {
    const held = bound.heldBy(principal);
    const capabilities = collectCapabilities(held, capabilitiesIn);
    if (capabilities === undefined) continue;
    for (const way of rights.ofCluster(held, capabilities)) reach(principal, way);
    takeovers.add(principal, capabilities, rights.inNamespaces(held, capabilities));
  }

  // Grows while it is walked.
  for (const next of queue) {
    for (const { principal, way } of takeovers.of(next)) reach(principal, way);
  }
  return [...found.values()];
}
