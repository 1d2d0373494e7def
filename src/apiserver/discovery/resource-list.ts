import type { KindDefinition } from "../../api/kinds/definition.ts";
import type { Subresource, VirtualResource } from "../extension.ts";

export interface DiscoveredSubresource {
  readonly name: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

/** One resource as discovery documents show it, in whatever format. */
export interface DiscoveredResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly DiscoveredSubresource[];
}

/** Order in which groups are shown, and by which kubectl prefers them; others follow by name. */
const GROUP_ORDER = [
  "",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
];

/** Everything this server serves, groups in their order, resources by name. */
export function discoveredResources(parts: {
  readonly kinds: readonly KindDefinition[];
  readonly virtualResources: readonly VirtualResource[];
  readonly subresources: readonly Subresource[];
}): readonly DiscoveredResource[] {
  const subresourcesOf = (group: string, version: string, resource: string): readonly DiscoveredSubresource[] =>
    parts.subresources
      .filter((each) => each.group === group && each.version === version && each.resource === resource)
      .map(({ subresource, kind, verbs }) => ({ name: subresource, kind, verbs: [...verbs].sort() }));
  const stored = parts.kinds.map((kind): DiscoveredResource => {
    const { group, version, resource } = kind;
    const status = { name: "status", kind, verbs: ["get", "patch", "update"] };
    const others = subresourcesOf(group, version, resource).filter(({ name }) => name !== "status");
    return {
      ...pick(kind),
      verbs: [...kind.verbs].sort(),
      shortNames: kind.shortNames,
      categories: kind.categories,
      subresources: [...(kind.hasStatus ? [status] : []), ...others].sort(byName),
    };
  });
  const virtual = parts.virtualResources.map(
    ({ definition }): DiscoveredResource => ({
      ...pick(definition),
      verbs: ["create"],
      shortNames: [],
      categories: [],
      subresources: subresourcesOf(definition.group, definition.version, definition.resource),
    }),
  );
  return [...stored, ...virtual].sort(
    (left, right) =>
      rank(left.group) - rank(right.group) ||
      compare(left.group, right.group) ||
      compare(left.resource, right.resource),
  );
}

function pick({
  group,
  version,
  resource,
  singular,
  kind,
  namespaced,
}: VirtualResource["definition"]): Pick<
  DiscoveredResource,
  "group" | "version" | "resource" | "singular" | "kind" | "namespaced"
> {
  return { group, version, resource, singular, kind, namespaced };
}

function rank(group: string): number {
  const index = GROUP_ORDER.indexOf(group);
  return index < 0 ? GROUP_ORDER.length : index;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return compare(left.name, right.name);
}
