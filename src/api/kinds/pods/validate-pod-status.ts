import {
  IMMUTABLE,
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  required,
  tooLong,
  when,
} from "../../field-error.ts";
import { isOnePerFamily, validateIp } from "../../ip-address.ts";
import { byteLength, dnsSubdomainProblems, labelKeyProblems, userOrGroupIdProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Pod, Unchecked } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import type { AnyContainer, AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validatePodAnnotationsUpdate } from "./validate-annotations.ts";
import { annotationsOf, rulesFor } from "./validate-pod.ts";

type Status = NonNullable<Unchecked<Pod>["status"]>;
type ContainerStatuses = NonNullable<Status["containerStatuses"]>;
type Group = "containers" | "initContainers" | "ephemeralContainers";

const SYSTEM_CONDITIONS: ReadonlySet<string> = new Set(["PodScheduled", "Ready", "Initialized"]);
const NOT_NEGATIVE_INTEGER = "must be a non-negative integer";

function conditionErrors(conditions: Status["conditions"], field: string): readonly FieldError[] {
  return (conditions ?? []).flatMap(({ type = "", observedGeneration = 0 }, i) => [
    ...when(
      observedGeneration < 0,
      invalidValue(`${field}[${i}].observedGeneration`, observedGeneration, NOT_NEGATIVE_INTEGER),
    ),
    ...(SYSTEM_CONDITIONS.has(type) ? [] : invalidFor(`${field}[${i}].Type`, type, labelKeyProblems(type))),
  ]);
}

function doesRuleMatch(rule: NonNullable<AnyContainer["restartPolicyRules"]>[number], exitCode: number): boolean {
  const isListed = ((rule.exitCodes?.values ?? []) as readonly number[]).includes(exitCode);
  return rule.exitCodes?.operator === "In" ? isListed : rule.exitCodes?.operator === "NotIn" && !isListed;
}

function byPolicy(policy: string | undefined, exitCode: number): boolean {
  if (policy === "Never") return false;
  return policy === "OnFailure" ? exitCode !== 0 : true;
}

/** Whether a container that ended so may run again. */
export function mayRestart(container: AnyContainer, spec: AnyPodSpec, exitCode: number, rules: PodRules): boolean {
  if (container.restartPolicy === undefined) return byPolicy(spec.restartPolicy, exitCode);
  const rule = (container.restartPolicyRules ?? []).find((entry) => doesRuleMatch(entry, exitCode));
  if (rule?.action === "Restart" || (rule?.action === "RestartAllContainers" && rules.isRestartAllAllowed)) return true;
  return byPolicy(container.restartPolicy, exitCode);
}

function canAllRestart(spec: AnyPodSpec): boolean {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])].some((container) =>
    (container.restartPolicyRules ?? []).some((rule) => rule.action === "RestartAllContainers"),
  );
}

/** Nothing rises from the dead unless its restart policy says so. */
function transitionErrors(
  next: ContainerStatuses,
  old: ContainerStatuses,
  group: Group,
  spec: AnyPodSpec,
  rules: PodRules,
  field: string,
): readonly FieldError[] {
  if (group !== "ephemeralContainers" && rules.isRestartAllAllowed && canAllRestart(spec)) return [];
  return old.flatMap(({ name, state }, i) => {
    const exitCode = state?.terminated?.exitCode ?? 0;
    const after = next.find((status) => status.name === name);
    if (state?.terminated === undefined || after === undefined || after.state?.terminated !== undefined) return [];
    const container =
      group === "ephemeralContainers" ? undefined : (spec[group] ?? []).find((entry) => entry.name === name);
    const isAllowed = container !== undefined && mayRestart(container, spec, exitCode, rules);
    return when(!isAllowed, forbiddenField(`${field}[${i}].state`, "may not be transitioned to non-terminated state"));
  });
}

function addressErrors(next: Status, old: Status, name: "podIPs" | "hostIPs"): readonly FieldError[] {
  const field = `status.${name}`;
  const addresses = (next[name] ?? []).map(({ ip }) => ip ?? "");
  const kept = (old[name] ?? []).map(({ ip }) => ip ?? "");
  const first = addresses[0];
  return [
    ...when(
      name === "hostIPs" && first !== undefined && first !== next.hostIP,
      invalidValue(`${field}[0].ip`, first, "must be equal to `hostIP`"),
    ),
    ...addresses.flatMap((address, i) => validateIp(`${field}[${i}]`, address, kept)),
    ...when(
      !isOnePerFamily(addresses),
      invalidValue(field, next[name], "may specify no more than one IP for each IP family"),
    ),
  ];
}

const LONGEST_IMAGE_REFERENCE = 256;

/** An image that is mounted as a volume is reported by its reference. */
function imageVolumeErrors(statuses: ContainerStatuses, field: string): readonly FieldError[] {
  return statuses.flatMap(({ volumeMounts }, i) =>
    (volumeMounts ?? []).flatMap(({ volumeStatus }, j) => {
      if (volumeStatus?.image === undefined) return [];
      const at = `${field}[${i}].volumeMounts[${j}].volumeStatus.imageVolumeStatus.imageRef`;
      const reference = volumeStatus.image.imageRef ?? "";
      if (reference === "") return [required(at, "imageRef must not be empty")];
      return when(byteLength(reference) > LONGEST_IMAGE_REFERENCE, tooLong(at, LONGEST_IMAGE_REFERENCE));
    }),
  );
}

function userErrors(statuses: ContainerStatuses, os: string, field: string): readonly FieldError[] {
  return statuses.flatMap(({ user }, i) => {
    const at = `${field}[${i}].user.linux`;
    const linux = user?.linux;
    if (linux === undefined) return [];
    if (os === "windows") return [forbiddenField(at, "cannot be set for a windows pod")];
    const ids: readonly (readonly [string, number])[] = [
      [`${at}.uid`, linux.uid ?? 0],
      [`${at}.gid`, linux.gid ?? 0],
      ...((linux.supplementalGroups ?? []) as readonly number[]).map((id, j): readonly [string, number] => [
        `${at}.supplementalGroups[${j}]`,
        id,
      ]),
    ];
    return ids.flatMap(([where, id]) => invalidFor(where, id, userOrGroupIdProblems(id)));
  });
}

function nominationErrors(status: Status, before: Status, spec: AnyPodSpec): readonly FieldError[] {
  const { nominatedNodeName: name = "" } = status;
  const field = "status.nominatedNodeName";
  if (name === "" || name === before.nominatedNodeName) return [];
  return [
    ...invalidFor(field, name, dnsSubdomainProblems(name)),
    ...when(
      (spec.nodeName ?? "") !== "",
      forbiddenField(field, "may not be set on pods that are already bound to a node"),
    ),
  ];
}

function claimErrors(status: Status, spec: AnyPodSpec, field: string): readonly FieldError[] {
  const known = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  return (status.resourceClaimStatuses ?? []).flatMap(({ name = "", resourceClaimName }, i) => {
    const isTwice = seen.has(name);
    seen.add(name);
    const at = `${field}[${i}]`;
    const text = "must match the name of an entry in `spec.resourceClaims`";
    return [
      ...when(!known.has(name), invalidValue(`${at}.name`, name, text)),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      ...(resourceClaimName === undefined
        ? []
        : invalidFor(`${at}.resourceClaimName`, resourceClaimName, dnsSubdomainProblems(resourceClaimName))),
    ];
  });
}

const STATUS_FIELDS = {
  containers: "containerStatuses",
  initContainers: "initContainerStatuses",
  ephemeralContainers: "ephemeralContainerStatuses",
} as const;

/** What a kubelet or scheduler may not do to a status. */
export function validatePodStatusUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  context: KindContext,
): readonly FieldError[] {
  const [pod, old] = [object as Unchecked<Pod>, oldObject as Unchecked<Pod>];
  const [status, before] = [pod.status ?? {}, old.status ?? {}];
  const spec = old.spec ?? {};
  const rules = rulesFor(context, spec);
  const { observedGeneration = 0 } = status;
  const groups = Object.entries(STATUS_FIELDS) as readonly (readonly [Group, (typeof STATUS_FIELDS)[Group]])[];
  return [
    ...validatePodAnnotationsUpdate(annotationsOf(pod), annotationsOf(old), "metadata.annotations"),
    ...conditionErrors(status.conditions, "status.conditions"),
    ...nominationErrors(status, before, spec),
    ...when(
      observedGeneration < 0,
      invalidValue("status.observedGeneration", observedGeneration, NOT_NEGATIVE_INTEGER),
    ),
    ...when(
      (status.qosClass ?? "") !== (before.qosClass ?? ""),
      invalidValue("status.qosClass", status.qosClass ?? "", IMMUTABLE),
    ),
    ...groups.flatMap(([group, field]) => {
      const [next, previous] = [status[field] ?? [], before[field] ?? []];
      return transitionErrors(next, previous, group, spec, rules, `status.${field}`);
    }),
    ...claimErrors(status, spec, "status.resourceClaimStatuses"),
    ...addressErrors(status, before, "podIPs"),
    ...addressErrors(status, before, "hostIPs"),
    ...groups.flatMap(([, field]) => imageVolumeErrors(status[field] ?? [], `status.${field}`)),
    ...groups.flatMap(([, field]) => userErrors(status[field] ?? [], spec.os?.name ?? "linux", `status.${field}`)),
  ];
}
