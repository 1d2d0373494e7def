import {
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  notFoundValue,
  required,
  requiredName,
  requiredOneOf,
  when,
} from "../../field-error.ts";
import { dnsLabelProblems, portNameProblems, portNumberProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import { isAlways } from "./pod-rules.ts";
import type { AnyContainer, AnyEphemeralContainer, AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validateEnvironment, validateEnvironmentSources } from "./validate-environment.ts";
import { validateLifecycle, validateProbe } from "./validate-probes.ts";
import type { ProbeKind } from "./validate-probes.ts";
import { validateContainerResources } from "./validate-resources.ts";
import { validateInitRestart, validateRestart } from "./validate-restart-rules.ts";
import { validateSecurityContext } from "./validate-security-context.ts";
import { validateVolumeDevices, validateVolumeMounts } from "./validate-volume-mounts.ts";
import type { Volumes } from "./validate-volumes.ts";

/** What containers are checked against. */
export interface PodContext {
  readonly spec: AnyPodSpec;
  readonly volumes: Volumes;
  /** Names of spec.resourceClaims. */
  readonly claims: ReadonlySet<string>;
  readonly rules: PodRules;
}

type Port = NonNullable<AnyContainer["ports"]>[number];

const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const PROBES: readonly ProbeKind[] = ["livenessProbe", "readinessProbe", "startupProbe"];

function portErrors(ports: readonly Port[], field: string): readonly FieldError[] {
  const names = new Set<string>();
  return ports.flatMap(({ name = "", containerPort = 0, hostPort = 0, protocol }, i) => {
    const at = `${field}[${i}]`;
    const nameProblems = name === "" ? [] : portNameProblems(name);
    const isTwice = nameProblems.length === 0 && names.has(name);
    if (name !== "" && nameProblems.length === 0) names.add(name);
    return [
      ...invalidFor(`${at}.name`, name, nameProblems),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      ...(containerPort === 0
        ? [required(`${at}.containerPort`)]
        : invalidFor(`${at}.containerPort`, containerPort, portNumberProblems(containerPort))),
      ...(hostPort === 0 ? [] : invalidFor(`${at}.hostPort`, hostPort, portNumberProblems(hostPort))),
      ...requiredOneOf(`${at}.protocol`, protocol, PROTOCOLS),
    ];
  });
}

function hostPortConflicts(containers: readonly AnyContainer[], field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ protocol = "", hostIP = "", hostPort = 0 }, j) => {
      const key = `${protocol}/${hostIP}/${hostPort}`;
      const isTwice = hostPort !== 0 && seen.has(key);
      seen.add(key);
      return when(isTwice, duplicate(`${field}[${i}].ports[${j}].hostPort`, key));
    }),
  );
}

function resizeErrors(container: AnyContainer, field: string, restartPolicy: string): readonly FieldError[] {
  const seen = new Set<string>();
  return (container.resizePolicy ?? []).flatMap((policy, i) => {
    const { resourceName = "" } = policy;
    const isTwice = seen.has(resourceName);
    seen.add(resourceName);
    const isRestart = policy.restartPolicy !== "NotRequired";
    const text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
    return [
      ...when(isTwice, duplicate(`${field}[${i}]`, resourceName)),
      ...requiredOneOf(field, resourceName, ["cpu", "memory"]),
      ...requiredOneOf(field, policy.restartPolicy, ["NotRequired", "RestartContainer"]),
      ...when(restartPolicy === "Never" && isRestart, invalidValue(field, policy.restartPolicy ?? "", text)),
    ];
  });
}

function commonErrors(
  container: AnyContainer | AnyEphemeralContainer,
  field: string,
  { spec, volumes, claims, rules }: PodContext,
): readonly FieldError[] {
  const messagePolicies = ["File", "FallbackToLogsOnError"];
  return [
    ...requiredName(`${field}.name`, container.name, dnsLabelProblems),
    ...when((container.image ?? "") === "", required(`${field}.image`)),
    ...requiredOneOf(`${field}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies),
    ...portErrors(container.ports ?? [], `${field}.ports`),
    ...validateEnvironment(container.env ?? [], `${field}.env`, rules),
    ...validateEnvironmentSources(container.envFrom ?? [], `${field}.envFrom`),
    ...validateVolumeMounts(container, volumes, `${field}.volumeMounts`),
    ...validateVolumeDevices(container, volumes, `${field}.volumeDevices`),
    ...requiredOneOf(`${field}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]),
    ...validateContainerResources(container.resources, claims, `${field}.resources`, rules),
    ...resizeErrors(container, `${field}.resizePolicy`, spec.restartPolicy ?? ""),
    ...validateSecurityContext(container.securityContext, `${field}.securityContext`, spec.hostUsers !== false),
  ];
}

function imagePaddingErrors(
  { image = "" }: AnyContainer | AnyEphemeralContainer,
  field: string,
): readonly FieldError[] {
  const text = "must not have leading or trailing whitespace";
  return when(image.trim() !== image, invalidValue(`${field}.image`, image, text));
}

/** What only a pod must obey, not a template of one. */
export function validateForPod(spec: AnyPodSpec, root: string): readonly FieldError[] {
  return (["containers", "initContainers"] as const).flatMap((group) =>
    (spec[group] ?? []).flatMap((container, i) => imagePaddingErrors(container, `${root}.${group}[${i}]`)),
  );
}

function lifeErrors(container: AnyContainer, field: string, { spec }: PodContext): readonly FieldError[] {
  const { lifecycle } = container;
  return [
    ...(lifecycle === undefined
      ? []
      : validateLifecycle(lifecycle, spec.terminationGracePeriodSeconds, spec.os?.name, `${field}.lifecycle`)),
    ...PROBES.flatMap((kind) => validateProbe(kind, container[kind], `${field}.${kind}`)),
  ];
}

export function validateContainers(field: string, context: PodContext): readonly FieldError[] {
  const containers = context.spec.containers ?? [];
  if (containers.length === 0) return [required(field)];
  const names = new Set<string>();
  const errors = containers.flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const { name = "" } = container;
    const isTwice = names.has(name);
    names.add(name);
    const text = "may not be set for non-init containers";
    return [
      ...commonErrors(container, at, context),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      ...lifeErrors(container, at, context),
      ...(context.rules.areRestartRulesAllowed
        ? validateRestart(container, at, context.rules)
        : when(container.restartPolicy !== undefined, forbiddenField(`${at}.restartPolicy`, text))),
    ];
  });
  return [...errors, ...hostPortConflicts(containers, field)];
}

function initResizeErrors(container: AnyContainer, field: string, rules: PodRules): readonly FieldError[] {
  if (isAlways(container) || rules.areRestartingInitResizesAllowed) return [];
  const text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
  return (container.resizePolicy ?? []).flatMap(({ restartPolicy }, i) =>
    when(
      restartPolicy === "RestartContainer",
      invalidValue(`${field}.resizePolicy[${i}].restartPolicy`, restartPolicy, text),
    ),
  );
}

export function validateInitContainers(field: string, context: PodContext): readonly FieldError[] {
  const names = new Set((context.spec.containers ?? []).map(({ name }) => name ?? ""));
  return (context.spec.initContainers ?? []).flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const { name = "" } = container;
    const isTwice = names.has(name);
    if (name !== "") names.add(name);
    const text = "may not be set for init containers without restartPolicy=Always";
    const once = (["lifecycle", ...PROBES] as const).filter((key) => container[key] !== undefined);
    return [
      ...commonErrors(container, at, context),
      ...validateInitRestart(container, at, context.rules),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      // Init containers run one after the other, so each is checked alone.
      ...hostPortConflicts([container], field),
      ...(isAlways(container)
        ? lifeErrors(container, at, context)
        : once.map((key) => forbiddenField(`${at}.${key}`, text))),
      ...initResizeErrors(container, at, context.rules),
    ];
  });
}

const EPHEMERAL_FIELDS: ReadonlySet<string> = new Set([
  "name",
  "image",
  "command",
  "args",
  "workingDir",
  "envFrom",
  "env",
  "volumeMounts",
  "volumeDevices",
  "terminationMessagePath",
  "terminationMessagePolicy",
  "imagePullPolicy",
  "securityContext",
  "stdin",
  "stdinOnce",
  "tty",
  "targetContainerName",
]);

function isSet(value: unknown): boolean {
  return value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

export function validateEphemeralContainers(field: string, context: PodContext): readonly FieldError[] {
  const { spec } = context;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name ?? ""));
  const names = new Set(others);
  const text = "cannot be set for an Ephemeral Container";
  return (spec.ephemeralContainers ?? []).flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const { name = "", targetContainerName: target = "" } = container;
    const isTwice = names.has(name);
    names.add(name);
    const extra = Object.entries(container).filter(([key, value]) => !EPHEMERAL_FIELDS.has(key) && isSet(value));
    return [
      ...commonErrors(container, at, context),
      ...imagePaddingErrors(container, at),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      ...when(target !== "" && !others.has(target), notFoundValue(`${at}.targetContainerName`, target)),
      ...extra.map(([key]) => forbiddenField(`${at}.${key}`, text)),
      ...(container.volumeMounts ?? []).flatMap(({ subPath = "", subPathExpr = "" }, j) => [
        ...when(subPath !== "", forbiddenField(`${at}.volumeMounts[${j}].subPath`, text)),
        ...when(subPathExpr !== "", forbiddenField(`${at}.volumeMounts[${j}].subPathExpr`, text)),
      ]),
    ];
  });
}
