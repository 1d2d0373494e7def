import type { PolicyRule } from "../../api/types.ts";
import type { BoundRoles, Held } from "./bound-roles.ts";
import { createBuiltIn } from "./built-in.ts";
import { chainOf } from "./chain.ts";
import type { IndirectAccess } from "./indirect-way.ts";
import type { KubeletAccess } from "./kubelet-access.ts";
import { type Principal, principalKey } from "./principals.ts";
import { holdsProxy, type Remediation, type RemediationContext, remediationFor } from "./remediation.ts";
import type { RunCommands, SubjectReport } from "./report.ts";

export interface SubjectReporterDeps {
  readonly bound: BoundRoles;
  /** By principalKey. */
  readonly indirect: ReadonlyMap<string, IndirectAccess>;
  readonly accessOf: (principal: Principal) => KubeletAccess | undefined;
  readonly context: RemediationContext;
}

/** Puts together what is known of one subject. Its cost is that of the subject's own bindings. */
export function createSubjectReporter({ bound, indirect, accessOf, context }: SubjectReporterDeps): {
  reportOn(principal: Principal): SubjectReport;
} {
  const builtIn = createBuiltIn();

  /** For those with nodes/proxy; with logs also for those who hold narrow rights they do not use. */
  const remediationOf = (access: KubeletAccess | undefined): Remediation | undefined => {
    if (access === undefined || access.actions.length === 0) return undefined;
    if (access.grants.some(holdsProxy)) return remediationFor(access, context);
    if (context.usage === undefined) return undefined;
    const found = remediationFor(access, context);
    return found.unused.length > 0 ? found : undefined;
  };

  return {
    reportOn(principal) {
      const access = accessOf(principal);
      const detours = indirect.get(principalKey(principal));
      const runCommands = runCommandsOf(access);
      const reason = builtIn.reasonFor(principal, throughOf(access, detours, bound));
      const remediation = reason === undefined ? remediationOf(access) : undefined;
      return {
        kind: principal.kind,
        name: principal.name,
        ...(reason !== undefined && { builtIn: reason }),
        ...(runCommands !== undefined && { runCommands }),
        actions: access?.actions ?? [],
        grants: access?.grants ?? [],
        indirect: detours === undefined ? [] : detours.ways.map((_, place) => chainOf(detours, place, indirect)),
        ...(remediation !== undefined && { remediation }),
      };
    },
  };
}

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

/** Every rule the subject's rights come from, to tell standard ones from added ones. */
function throughOf(
  access: KubeletAccess | undefined,
  detours: IndirectAccess | undefined,
  bound: BoundRoles,
): readonly { readonly held: Held; readonly rule: PolicyRule }[] {
  const byBinding = new Map(
    (access === undefined ? [] : bound.heldBy(access.principal)).map(({ held }) => [held.binding, held]),
  );
  const direct = (access?.grants ?? []).flatMap(({ binding, rule }) => {
    const held = byBinding.get(binding);
    return held === undefined ? [] : [{ held, rule: rule.rule }];
  });
  const indirect = (detours?.ways ?? []).flatMap(({ capabilities }) =>
    capabilities.map(({ by, capability }) => ({ held: by.held, rule: capability.source.rule })),
  );
  return [...direct, ...indirect];
}
