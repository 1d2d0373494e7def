import { labelValueProblems } from "../../names.ts";
import type { FeatureGates } from "../../feature-gates.ts";
import { hasInvalidLabelValue } from "../../label-selector-rules.ts";
import type { PodSpec, Unchecked } from "../../types.ts";

export type AnyPodSpec = Unchecked<PodSpec>;
export type AnyContainer = NonNullable<AnyPodSpec["containers"]>[number];
export type AnyEphemeralContainer = NonNullable<AnyPodSpec["ephemeralContainers"]>[number];
export type AnyVolume = NonNullable<AnyPodSpec["volumes"]>[number];

/**
 * How strict to be with a pod spec: feature gates, and what the old object already has. Something that was accepted
 * once stays acceptable in updates ("ratchet"), so that other fields can still be changed.
 */
export interface PodRules {
  /** A pod itself rather than a template of one. */
  readonly isPod: boolean;
  readonly isFileKeyAllowed: boolean;
  readonly areRestartRulesAllowed: boolean;
  readonly isRestartAllAllowed: boolean;
  readonly arePodResourcesAllowed: boolean;
  readonly isHostNetworkWithUserNamespaceAllowed: boolean;
  readonly areVolumeDevicesWithUserNamespaceAllowed: boolean;
  readonly isOnlyRecursiveRelabelAllowed: boolean;
  readonly areNumericTolerationsAllowed: boolean;
  readonly isAnyHugePageAmountAllowed: boolean;
  readonly areInvalidSelectorValuesAllowed: boolean;
  readonly areInvalidNodeAffinityValuesAllowed: boolean;
  readonly areHostSysctlsAllowed: boolean;
  readonly areRestartingInitResizesAllowed: boolean;
}

export function allContainers(spec: AnyPodSpec | undefined): readonly (AnyContainer | AnyEphemeralContainer)[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

/** Paths and containers, in the order upstream visits them. */
export function placedContainers(
  spec: AnyPodSpec,
  root: string,
): readonly { readonly container: AnyContainer | AnyEphemeralContainer; readonly field: string }[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((group) =>
    (spec[group] ?? []).map((container, i) => ({ container, field: `${root}.${group}[${i}]` })),
  );
}

export function isAlways(container: AnyContainer): boolean {
  return container.restartPolicy === "Always";
}

function usesFileKeys(spec: AnyPodSpec | undefined): boolean {
  return allContainers(spec).some((container) =>
    (container.env ?? []).some((entry) => entry.valueFrom?.fileKeyRef !== undefined),
  );
}

function usesRestartRules(spec: AnyPodSpec | undefined): boolean {
  return (
    (spec?.containers ?? []).some((container) => container.restartPolicy !== undefined) ||
    (spec?.initContainers ?? []).some(
      ({ restartPolicy = "Always", restartPolicyRules = [] }) =>
        restartPolicy !== "Always" || restartPolicyRules.length > 0,
    )
  );
}

function usesRestartAll(spec: AnyPodSpec | undefined): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some((container) =>
    (container.restartPolicyRules ?? []).some((rule) => rule.action === "RestartAllContainers"),
  );
}

function hasInvalidAffinityValue(spec: AnyPodSpec | undefined): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) =>
    [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ].some((term) => hasInvalidLabelValue(term?.labelSelector)),
  );
}

function hasInvalidNodeAffinityValue(spec: AnyPodSpec | undefined): boolean {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.some((term) =>
    (term.matchExpressions ?? []).some((requirement) =>
      (requirement.values ?? []).some((value) => labelValueProblems(value).length > 0),
    ),
  );
}

function hasOddHugePages(spec: AnyPodSpec | undefined, isOdd: (name: string, amount: string) => boolean): boolean {
  return allContainers(spec).some((container) =>
    [container.resources?.limits, container.resources?.requests].some((amounts) =>
      Object.entries(amounts ?? {}).some(([name, amount]) => amount !== undefined && isOdd(name, amount)),
    ),
  );
}

/** What the old spec must be asked about by code that knows the rule. */
export interface OldSpecChecks {
  readonly isOddHugePageAmount: (name: string, amount: string) => boolean;
  readonly hasHostSysctl: (spec: AnyPodSpec) => boolean;
}

export function podRules(
  gates: FeatureGates,
  old: AnyPodSpec | undefined,
  checks: OldSpecChecks,
  isPod: boolean,
): PodRules {
  const hadUserNamespace = old?.hostUsers === false;
  return {
    isPod,
    isFileKeyAllowed: gates.enabled("EnvFiles") || usesFileKeys(old),
    areRestartRulesAllowed: gates.enabled("ContainerRestartRules") || usesRestartRules(old),
    isRestartAllAllowed: gates.enabled("RestartAllContainersOnContainerExits") || usesRestartAll(old),
    arePodResourcesAllowed: gates.enabled("PodLevelResources"),
    isHostNetworkWithUserNamespaceAllowed:
      gates.enabled("UserNamespacesHostNetworkSupport") || (hadUserNamespace && old.hostNetwork === true),
    areVolumeDevicesWithUserNamespaceAllowed:
      hadUserNamespace && allContainers(old).some((container) => (container.volumeDevices ?? []).length > 0),
    isOnlyRecursiveRelabelAllowed:
      !gates.enabled("SELinuxMount") && old?.securityContext?.seLinuxChangePolicy === undefined,
    areNumericTolerationsAllowed:
      gates.enabled("TaintTolerationComparisonOperators") ||
      (old?.tolerations ?? []).some(({ operator }) => operator === "Lt" || operator === "Gt"),
    isAnyHugePageAmountAllowed: hasOddHugePages(old, checks.isOddHugePageAmount),
    areInvalidSelectorValuesAllowed: hasInvalidAffinityValue(old),
    areInvalidNodeAffinityValuesAllowed: hasInvalidNodeAffinityValue(old),
    areHostSysctlsAllowed: old !== undefined && checks.hasHostSysctl(old),
    areRestartingInitResizesAllowed: (old?.initContainers ?? []).some(
      (container) =>
        !isAlways(container) &&
        (container.resizePolicy ?? []).some(({ restartPolicy }) => restartPolicy === "RestartContainer"),
    ),
  };
}
