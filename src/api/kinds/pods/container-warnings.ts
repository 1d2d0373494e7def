import { deepEqual } from "../../schema/normalize.ts";
import { fractionalByteWarnings } from "../fractional-bytes.ts";
import { APP_ARMOR_PREFIX, appArmorField } from "./app-armor-annotations.ts";
import { placedContainers } from "./pod-rules.ts";
import type { AnyContainer, AnyEphemeralContainer, AnyPodSpec } from "./pod-rules.ts";
import { portWarnings } from "./port-warnings.ts";

type Annotations = Readonly<Record<string, unknown>>;
type Container = AnyContainer | AnyEphemeralContainer;

const SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/";

/** Whether an annotation is the only place, or a wrong one, that tells a container's AppArmor profile. */
function isReplaced(annotation: unknown, { securityContext }: Container, spec: AnyPodSpec, isPod: boolean): boolean {
  if (typeof annotation !== "string" || spec.os?.name === "windows") return false;
  const wanted = appArmorField(annotation);
  const own = securityContext?.appArmorProfile;
  // In a pod, the field may have been made from the annotation.
  if (own !== undefined) return isPod && deepEqual(own, wanted);
  return wanted === undefined || !deepEqual(spec.securityContext?.appArmorProfile, wanted);
}

/** A later definition of a variable is fine only if it builds on the earlier one. */
function environmentWarnings({ env = [] }: Container, field: string): readonly string[] {
  return env.flatMap(({ name = "", value = "", valueFrom }, i) => {
    const isFirst = env.findIndex((entry) => (entry.name ?? "") === name) === i;
    const reference = `$(${name})`;
    const isExtended = valueFrom === undefined && value !== reference && value.includes(reference);
    if (isFirst || isExtended) return [];
    const quoted = JSON.stringify(name);
    return [`${field}.env[${i}]: hides previous definition of ${quoted}, which may be dropped when using apply`];
  });
}

export function containerWarnings(
  spec: AnyPodSpec,
  annotations: Annotations,
  root: string,
  metadata: string,
): readonly string[] {
  const containers = placedContainers(spec, root);
  const perContainer = containers.flatMap(({ container, field }) => {
    const key = `${SECCOMP_PREFIX}${container.name ?? ""}`;
    const isOld = annotations[key] !== undefined && container.securityContext?.seccompProfile === undefined;
    const text = 'non-functional in v1.27+; use the "seccompProfile" field instead';
    const { limits, requests } = container.resources ?? {};
    const appArmor = `${APP_ARMOR_PREFIX}${container.name ?? ""}`;
    return [
      ...(isReplaced(annotations[appArmor], container, spec, root === "spec")
        ? [`${metadata}[${appArmor}]: deprecated since v1.30; use the "appArmorProfile" field instead`]
        : []),
      ...(isOld ? [`${metadata}[${key}]: ${text}`] : []),
      ...["memory", "ephemeral-storage"].flatMap((name) => [
        ...fractionalByteWarnings(limits, [name], `${field}.resources.limits`),
        ...fractionalByteWarnings(requests, [name], `${field}.resources.requests`),
      ]),
      ...environmentWarnings(container, field),
    ];
  });
  return [...perContainer, ...portWarnings(containers)];
}
