import { fractionalByteWarnings } from "../fractional-bytes.ts";
import { placedContainers } from "./pod-rules.ts";
import type { AnyContainer, AnyEphemeralContainer, AnyPodSpec } from "./pod-rules.ts";
import { portWarnings } from "./port-warnings.ts";

type Annotations = Readonly<Record<string, unknown>>;
type Container = AnyContainer | AnyEphemeralContainer;

const SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/";

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
    return [
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
