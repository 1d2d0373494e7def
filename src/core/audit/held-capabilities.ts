import type { HeldBy } from "./bound-roles.ts";
import type { Capability, CapabilityKind } from "./capabilities.ts";
import type { EffectiveRole } from "./effective-roles.ts";

/** A capability, and through which binding it is held. */
export interface HeldCapability {
  readonly by: HeldBy;
  readonly capability: Capability;
}

/** What one principal can lead to, all its bindings together. */
export interface HeldCapabilities {
  /** Namespaces in which something is held besides what is held everywhere. */
  readonly namespaces: readonly string[];
  /** Held everywhere, and for a namespace other than "" also what is held there only. */
  in(namespace: string, kind: CapabilityKind): readonly HeldCapability[];
  /** Held in this namespace only; for "" the same as `in`. */
  onlyIn(namespace: string, kind: CapabilityKind): readonly HeldCapability[];
}

const NONE: readonly HeldCapability[] = [];

/** undefined when nothing is held that leads anywhere. */
export function collectCapabilities(
  held: readonly HeldBy[],
  capabilitiesOf: (role: EffectiveRole) => readonly Capability[],
): HeldCapabilities | undefined {
  const scopes = new Map<string, Map<CapabilityKind, HeldCapability[]>>();
  for (const by of held) {
    const { binding, role } = by.held;
    for (const capability of capabilitiesOf(role)) {
      const scope = scopes.get(binding.namespace) ?? new Map<CapabilityKind, HeldCapability[]>();
      scopes.set(binding.namespace, scope);
      const list = scope.get(capability.kind) ?? [];
      list.push({ by, capability });
      scope.set(capability.kind, list);
    }
  }
  if (scopes.size === 0) return undefined;
  const onlyIn: HeldCapabilities["onlyIn"] = (namespace, kind) => scopes.get(namespace)?.get(kind) ?? NONE;
  return {
    namespaces: [...scopes.keys()].filter((namespace) => namespace !== ""),
    onlyIn,
    in(namespace, kind) {
      const everywhere = onlyIn("", kind);
      if (namespace === "") return everywhere;
      const here = onlyIn(namespace, kind);
      return here.length === 0 ? everywhere : everywhere.length === 0 ? here : [...here, ...everywhere];
    },
  };
}

/** Not limited by resourceNames. */
export function isFree({ capability }: HeldCapability): boolean {
  return capability.names === undefined;
}

/** The first that covers one of these names. */
export function covering(list: readonly HeldCapability[], ...names: readonly string[]): HeldCapability | undefined {
  return list.find((one) => isFree(one) || names.some((name) => one.capability.names?.includes(name) === true));
}
