import { containersOf } from "../../api/pod.ts";
import type { Container } from "../../api/types.ts";
import { type CheckPod, containers, namesWhere, plural, profileType, quoted, setters, sortedSet } from "./check.ts";

const POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/";

/** Before v1.19 profiles were annotations. */
export const seccompBaselineByAnnotations: CheckPod = ({ metadata, spec }) => {
  const keys = [POD_ANNOTATION, ...containersOf(spec).map(({ name }) => `${CONTAINER_ANNOTATION}${name}`)];
  const forbidden = sortedSet(
    keys.flatMap((key) => {
      const value = metadata.annotations?.[key];
      return value === undefined || isAnnotationAllowed(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (forbidden.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `forbidden ${plural("annotation", "annotations", forbidden.length)} ${forbidden.join(", ")}`,
  };
};

function isAnnotationAllowed(value: string): boolean {
  return value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");
}

function isBad(type: string | undefined): boolean {
  return type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
}

function typeOf({ securityContext }: Pick<Container, "securityContext">): string | undefined {
  return profileType(securityContext?.seccompProfile);
}

/** Who names a profile names an allowed one. */
export const seccompBaselineByFields: CheckPod = ({ spec }) => {
  const podType = profileType(spec.securityContext?.seccompProfile);
  const bad = namesWhere(spec, (container) => isBad(typeOf(container)));
  const values = sortedSet([podType, ...containersOf(spec).map(typeOf)].flatMap((type) => type ?? []).filter(isBad));
  if (values.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `${setters(isBad(podType), bad)} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
};

/** Everybody names a profile, the pod for all or each container for itself. */
export const seccompRestricted: CheckPod = (subject) => {
  const named = seccompBaselineByFields(subject);
  if (named !== undefined) return named;
  const { spec } = subject;
  if (spec.securityContext?.seccompProfile !== undefined) return undefined;
  const without = namesWhere(spec, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if (without.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containers(without)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};
