import { formatQuantity } from "../../../lib/quantity.ts";
import {
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  notSupported,
  optionalName,
  required,
  requiredOneOf,
  tooLong,
  when,
} from "../../field-error.ts";
import { byteLength, dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, rangeProblem } from "../../names.ts";
import { validateLabels } from "../../object-meta.ts";
import type { FieldError } from "../../status-error.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validateAffinity } from "./validate-affinity.ts";
import { validateContainers, validateEphemeralContainers, validateInitContainers } from "./validate-containers.ts";
import type { PodContext } from "./validate-containers.ts";
import { validateDns, validateHostAliases } from "./validate-dns.ts";
import { validateFileKeyVolumes } from "./validate-environment.ts";
import { validateHostUsers } from "./validate-host-users.ts";
import { validateOverhead, validatePodResources } from "./validate-resources.ts";
import { validateTolerations, validateTopologySpread } from "./validate-scheduling.ts";
import { validatePodSecurityContext } from "./validate-security-context.ts";
import { validateVolumes } from "./validate-volumes.ts";
import { validateHostProcess, validateLinuxPod, validateWindowsPod } from "./validate-windows.ts";

const LARGEST_DEADLINE = 2 ** 31 - 1;

function claimErrors(spec: AnyPodSpec, field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return (spec.resourceClaims ?? []).flatMap((claim, i) => {
    const at = `${field}[${i}]`;
    const { name = "", resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const isTwice = seen.has(name);
    seen.add(name);
    const both = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
    const none = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
    return [
      ...(name === ""
        ? [required(`${at}.name`)]
        : isTwice
          ? [duplicate(`${at}.name`, name)]
          : invalidFor(`${at}.name`, name, dnsLabelProblems(name))),
      ...when(own !== undefined && template !== undefined, invalidValue(at, claim, both)),
      ...when(own === undefined && template === undefined, invalidValue(at, claim, none)),
      ...(own === undefined ? [] : invalidFor(`${at}.resourceClaimName`, own, dnsSubdomainProblems(own))),
      ...(template === undefined
        ? []
        : invalidFor(`${at}.resourceClaimTemplateName`, template, dnsSubdomainProblems(template))),
    ];
  });
}

function hostPortErrors(spec: AnyPodSpec, field: string, rules: PodRules): readonly FieldError[] {
  if (spec.hostNetwork !== true) return [];
  const text = "must match `containerPort` when `hostNetwork` is true";
  return (spec.containers ?? []).flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort = 0, containerPort = 0 }, j) =>
      when(
        (rules.isPod || hostPort !== 0) && hostPort !== containerPort,
        invalidValue(`${field}[${i}].ports[${j}].hostPort`, hostPort, text),
      ),
    ),
  );
}

function gateErrors(spec: AnyPodSpec, field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return (spec.schedulingGates ?? []).flatMap(({ name = "" }, i) => {
    const isTwice = seen.has(name);
    seen.add(name);
    return [
      ...invalidFor(`${field}[${i}]`, name, labelKeyProblems(name)),
      ...when(isTwice, duplicate(`${field}[${i}]`, name)),
    ];
  });
}

const LONGEST_HOST_NAME = 64;

function hostNameErrors(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const { hostnameOverride: name } = spec;
  const at = `${root}.hostnameOverride`;
  const own =
    name === undefined
      ? []
      : [
          ...when(
            spec.setHostnameAsFQDN === true,
            forbiddenField(at, "may not be specified when setHostnameAsFQDN is true"),
          ),
          ...when(spec.hostNetwork === true, forbiddenField(at, "may not be specified when hostNetwork is true")),
          ...when(byteLength(name) > LONGEST_HOST_NAME, tooLong(at, LONGEST_HOST_NAME)),
          ...invalidFor(at, name, dnsSubdomainProblems(name)),
        ];
  return [
    ...own,
    ...optionalName(`${root}.hostname`, spec.hostname, dnsLabelProblems),
    ...optionalName(`${root}.subdomain`, spec.subdomain, dnsLabelProblems),
  ];
}

function osErrors(spec: AnyPodSpec, root: string): readonly FieldError[] {
  if (spec.os === undefined) return [];
  const { name = "" } = spec.os;
  if (name === "") return [required(`${root}.os.name`)];
  if (name === "linux") return validateLinuxPod(spec, root);
  if (name === "windows") return validateWindowsPod(spec, root);
  return [notSupported(`${root}.os`, name, ["linux", "windows"])];
}

function nameErrors(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const { runtimeClassName } = spec;
  return [
    ...optionalName(`${root}.serviceAccountName`, spec.serviceAccountName, dnsSubdomainProblems),
    ...optionalName(`${root}.nodeName`, spec.nodeName, dnsSubdomainProblems),
    ...optionalName(`${root}.priorityClassName`, spec.priorityClassName, dnsSubdomainProblems),
    ...(runtimeClassName === undefined
      ? []
      : invalidFor(`${root}.runtimeClassName`, runtimeClassName, dnsSubdomainProblems(runtimeClassName))),
  ];
}

function deadlineErrors({ activeDeadlineSeconds: seconds }: AnyPodSpec, root: string): readonly FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= LARGEST_DEADLINE)) return [];
  return [invalidValue(`${root}.activeDeadlineSeconds`, seconds, rangeProblem(1, LARGEST_DEADLINE))];
}

function groupErrors(spec: AnyPodSpec, root: string): readonly FieldError[] {
  if (spec.schedulingGroup === undefined) return [];
  const name = spec.schedulingGroup.podGroupName;
  const at = `${root}.schedulingGroup.podGroupName`;
  if (name === undefined) return [invalidValue(at, undefined, "must specify one of: `podGroupName`")];
  return invalidFor(at, name, dnsSubdomainProblems(name));
}

type Texts = Readonly<Record<string, string>>;

function schedulingErrors(spec: AnyPodSpec, root: string, rules: PodRules, old?: AnyPodSpec): readonly FieldError[] {
  const spread = spec.topologySpreadConstraints ?? [];
  const before = old?.topologySpreadConstraints ?? [];
  const wasInvalid = validateTopologySpread(before, "", false).length > validateTopologySpread(before, "", true).length;
  return [
    ...validateAffinity(spec.affinity, `${root}.affinity`, rules),
    ...validateDns(spec, `${root}.dnsConfig`),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType = "" }, i) =>
      invalidFor(`${root}.readinessGates[${i}].conditionType`, conditionType, labelKeyProblems(conditionType)),
    ),
    ...gateErrors(spec, `${root}.schedulingGates`),
    ...validateTopologySpread(spread, `${root}.topologySpreadConstraints`, wasInvalid),
  ];
}

/**
 * Problems of a pod spec, in a pod or in a template.
 *
 * @param podName "" when it is not known
 * @param old the spec before an update, whose faults may stay
 */
export function validatePodSpec(
  spec: AnyPodSpec,
  podName: string,
  root: string,
  rules: PodRules,
  old?: AnyPodSpec,
): readonly FieldError[] {
  const { errors: volumeErrors, volumes } = validateVolumes(spec.volumes ?? [], podName, `${root}.volumes`, rules);
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name ?? "").filter((name) => name !== ""));
  const context: PodContext = { spec, volumes, claims, rules };
  return [
    ...when(spec.terminationGracePeriodSeconds === undefined, required(`${root}.terminationGracePeriodSeconds`)),
    ...volumeErrors,
    ...claimErrors(spec, `${root}.resourceClaims`),
    ...validateContainers(`${root}.containers`, context),
    ...validateInitContainers(`${root}.initContainers`, context),
    ...validateEphemeralContainers(`${root}.ephemeralContainers`, context),
    ...validatePodResources(spec, claims, `${root}.resources`, rules, formatQuantity),
    ...hostPortErrors(spec, `${root}.containers`, rules),
    ...requiredOneOf(`${root}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"]),
    ...requiredOneOf(`${root}.dnsPolicy`, spec.dnsPolicy, [
      "ClusterFirstWithHostNet",
      "ClusterFirst",
      "Default",
      "None",
    ]),
    ...validateLabels(spec.nodeSelector as Texts | undefined, `${root}.nodeSelector`),
    ...validatePodSecurityContext(spec, `${root}.securityContext`, rules),
    ...schedulingErrors(spec, root, rules, old),
    ...validateHostProcess(spec, root),
    ...validateHostUsers(spec, root, rules),
    ...hostNameErrors(spec, root),
    ...nameErrors(spec, root),
    ...deadlineErrors(spec, root),
    ...validateTolerations(spec.tolerations ?? [], `${root}.tolerations`, rules),
    ...validateHostAliases(spec.hostAliases, `${root}.hostAliases`),
    ...(spec.preemptionPolicy === undefined
      ? []
      : requiredOneOf(`${root}.preemptionPolicy`, spec.preemptionPolicy, ["PreemptLowerPriority", "Never"])),
    ...(spec.overhead === undefined ? [] : validateOverhead(spec.overhead as Texts, `${root}.overhead`)),
    ...osErrors(spec, root),
    ...groupErrors(spec, root),
    ...validateFileKeyVolumes(spec, root),
  ];
}
