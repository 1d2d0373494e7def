import { forbiddenField, invalidValue, when } from "../../field-error.ts";
import { MIRROR_POD_ANNOTATION } from "../../pod.ts";
import type { FieldError } from "../../status-error.ts";
import { APP_ARMOR_PREFIX } from "./app-armor-annotations.ts";
import { allContainers, placedContainers } from "./pod-rules.ts";
import type { AnyContainer, AnyPodSpec } from "./pod-rules.ts";
import { validateDescendingPath } from "./validate-paths.ts";

type Annotations = Readonly<Record<string, string>>;

const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const LOCALHOST = "localhost/";

function seccompErrors(profile: string, field: string): readonly FieldError[] {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return [];
  if (profile.startsWith(LOCALHOST)) return validateDescendingPath(field, profile.slice(LOCALHOST.length));
  return [invalidValue(field, profile, "must be a valid seccomp profile")];
}

function appArmorErrors(key: string, profile: string, spec: AnyPodSpec, field: string): readonly FieldError[] {
  const name = key.slice(APP_ARMOR_PREFIX.length);
  const at = `${field}[${key}]`;
  const isKnown = ["", "runtime/default", "unconfined"].includes(profile) || profile.startsWith(LOCALHOST);
  return [
    ...when(
      !allContainers(spec).some((container) => container.name === name),
      invalidValue(at, name, "container not found"),
    ),
    ...when(!isKnown, invalidValue(at, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`)),
  ];
}

function isDeletionCost(text: string): boolean {
  return (
    /^(?:0|-?\d+)$/u.test(text) && !/^0\d/u.test(text) && Math.abs(Number(text)) <= 2 ** 31 && Number(text) < 2 ** 31
  );
}

/** Annotations that mean something to Kubernetes. */
export function validatePodAnnotations(
  annotations: Annotations,
  old: Annotations | undefined,
  spec: AnyPodSpec,
  field: string,
): readonly FieldError[] {
  const mirror = annotations[MIRROR_POD_ANNOTATION];
  const cost = annotations[DELETION_COST];
  const wasCostValid = isDeletionCost(old?.[DELETION_COST] ?? "0");
  return [
    ...when(
      mirror !== undefined && (spec.nodeName ?? "") === "",
      invalidValue(
        `${field}[${MIRROR_POD_ANNOTATION}]`,
        mirror,
        "must set spec.nodeName if mirror pod annotation is set",
      ),
    ),
    ...when(
      cost !== undefined && wasCostValid && !isDeletionCost(cost),
      invalidValue(`${field}[${DELETION_COST}]`, cost, "must be a 32bit integer"),
    ),
    ...Object.entries(annotations).flatMap(([key, value]) => {
      if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) return seccompErrors(value, `${field}.${key}`);
      return key.startsWith(APP_ARMOR_PREFIX) ? appArmorErrors(key, value, spec, field) : [];
    }),
  ];
}

/** Annotations that are fixed once the pod exists. */
export function validatePodAnnotationsUpdate(
  annotations: Annotations,
  old: Annotations,
  field: string,
): readonly FieldError[] {
  const changed = [...new Set([...Object.keys(old), ...Object.keys(annotations)])].filter(
    (key) => annotations[key] !== old[key],
  );
  return changed.flatMap((key) => {
    const what = key.startsWith(APP_ARMOR_PREFIX)
      ? "AppArmor annotations"
      : key === MIRROR_POD_ANNOTATION
        ? "mirror pod annotation"
        : "";
    const verb = old[key] === undefined ? "add" : "remove or update";
    return when(what !== "", forbiddenField(`${field}[${key}]`, `may not ${verb} ${what}`));
  });
}

type Profile = { readonly type?: string | undefined; readonly localhostProfile?: string | undefined };

function mismatch(kind: string, annotation: string, profile: Profile, field: string): readonly FieldError[] {
  const type = forbiddenField(`${field}.type`, `${kind} type in annotation and field must match`);
  const isDefault = annotation === "runtime/default" || (kind === "seccomp" && annotation === "docker/default");
  switch (profile.type) {
    case "Unconfined":
      return when(annotation !== "unconfined", type);
    case "RuntimeDefault":
      return when(!isDefault, type);
    case "Localhost":
      if (!annotation.startsWith(LOCALHOST)) return [type];
      return when(
        annotation.slice(LOCALHOST.length) !== profile.localhostProfile,
        forbiddenField(`${field}.localhostProfile`, `${kind} profile in annotation and field must match`),
      );
    default:
      return [];
  }
}

/** Old annotations and the fields that replaced them must say the same at creation. */
export function validateProfilesMatch(annotations: Annotations, spec: AnyPodSpec, root: string): readonly FieldError[] {
  const own = spec.securityContext;
  const podAnnotation = annotations[SECCOMP_POD];
  const errors =
    own?.seccompProfile !== undefined && podAnnotation !== undefined
      ? mismatch("seccomp", podAnnotation, own.seccompProfile, `${root}.securityContext.seccompProfile`)
      : [];
  const ofContainers = placedContainers(spec, root).flatMap(({ container, field }) => {
    const context: AnyContainer["securityContext"] = container.securityContext;
    const seccomp = annotations[`${SECCOMP_CONTAINER}${container.name ?? ""}`];
    const appArmor = annotations[`${APP_ARMOR_PREFIX}${container.name ?? ""}`];
    const profile = context?.appArmorProfile ?? own?.appArmorProfile;
    const isLinux = spec.os?.name !== "windows";
    return [
      ...(seccomp !== undefined && context?.seccompProfile !== undefined
        ? mismatch("seccomp", seccomp, context.seccompProfile, `${field}.securityContext.seccompProfile`)
        : []),
      ...(isLinux && appArmor !== undefined && profile !== undefined
        ? mismatch("apparmor", appArmor, profile, `${field}.securityContext.appArmorProfile`)
        : []),
    ];
  });
  return [...errors, ...ofContainers];
}
