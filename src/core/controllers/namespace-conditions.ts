import type { Namespace } from "../../api/types.ts";

type NamespaceCondition = NonNullable<NonNullable<Namespace["status"]>["conditions"]>[number];

/** What emptying a namespace came to. */
export interface NamespaceContent {
  /** Resource as "pods." or "roles.rbac.authorization.k8s.io" (plural, dot, group). */
  readonly remaining: ReadonlyMap<string, number>;
  readonly finalizers: ReadonlyMap<string, number>;
  readonly discoveryFailures: readonly string[];
  readonly deletionFailures: readonly string[];
}

/**
 * The conditions of a namespace that is being deleted, in upstream's words.
 *
 * @returns undefined when they are as they should be already
 */
export function namespaceConditions(
  current: readonly NamespaceCondition[] | undefined,
  content: NamespaceContent,
  now: string,
): readonly NamespaceCondition[] | undefined {
  const wanted = [
    condition(
      "NamespaceDeletionDiscoveryFailure",
      content.discoveryFailures.length > 0 && {
        reason: "DiscoveryFailed",
        message: `Discovery failed for some groups, ${content.discoveryFailures.length} failing: ${content.discoveryFailures.join(", ")}`,
      },
      { reason: "ResourcesDiscovered", message: "All resources successfully discovered" },
    ),
    condition("NamespaceDeletionGroupVersionParsingFailure", false, {
      reason: "ParsedGroupVersions",
      message: "All legacy kube types successfully parsed",
    }),
    condition(
      "NamespaceDeletionContentFailure",
      content.deletionFailures.length > 0 && {
        reason: "ContentDeletionFailed",
        message: `Failed to delete all resource types, ${content.deletionFailures.length} remaining: ${[...content.deletionFailures].sort().join(", ")}`,
      },
      { reason: "ContentDeleted", message: "All content successfully deleted, may be waiting on finalization" },
    ),
    condition(
      "NamespaceContentRemaining",
      content.remaining.size > 0 && {
        reason: "SomeResourcesRemain",
        message: `Some resources are remaining: ${listed(content.remaining, (name, count) => `${name} has ${count} resource instances`)}`,
      },
      { reason: "ContentRemoved", message: "All content successfully removed" },
    ),
    condition(
      "NamespaceFinalizersRemaining",
      content.finalizers.size > 0 && {
        reason: "SomeFinalizersRemain",
        message: `Some content in the namespace has finalizers remaining: ${listed(content.finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
      },
      { reason: "ContentHasNoFinalizers", message: "All content-preserving finalizers finished" },
    ),
  ];
  let changed = false;
  const next = wanted.map((want) => {
    const old = current?.find(({ type }) => type === want.type);
    if (old?.status === want.status && old.reason === want.reason && old.message === want.message) return old;
    changed = true;
    const since = old?.status === want.status ? old.lastTransitionTime : now;
    return { ...want, ...(since !== undefined && { lastTransitionTime: since }) };
  });
  if (!changed) return undefined;
  const others = (current ?? []).filter(({ type }) => !wanted.some((want) => want.type === type));
  return [...others, ...next];
}

interface Told {
  readonly reason: string;
  readonly message: string;
}

function condition(type: string, problem: false | Told, fine: Told): NamespaceCondition {
  return problem === false ? { type, status: "False", ...fine } : { type, status: "True", ...problem };
}

function listed(counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
  return [...counts]
    .map(([name, count]) => text(name, count))
    .sort()
    .join(", ");
}
