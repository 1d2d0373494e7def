import { invalidFor, invalidValue, notSupported, optionalOneOf, required, tooLong, when } from "../../field-error.ts";
import { byteLength, userOrGroupIdProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { PodSecurityContext, SecurityContext, Unchecked } from "../../types.ts";
import { validateSysctls } from "./validate-sysctls.ts";
import { validateDescendingPath } from "./validate-paths.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validateWindowsOptions } from "./validate-windows.ts";

type AnySecurityContext = Unchecked<SecurityContext>;
type SeccompProfile = NonNullable<AnySecurityContext["seccompProfile"]>;
type AppArmorProfile = NonNullable<AnySecurityContext["appArmorProfile"]>;

const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];
/** PATH_MAX - 1 */
const LONGEST_PROFILE = 4095;

function idErrors(id: number | undefined, field: string): readonly FieldError[] {
  return id === undefined ? [] : invalidFor(field, id, userOrGroupIdProblems(id));
}

function seccompErrors(profile: SeccompProfile | undefined, field: string): readonly FieldError[] {
  if (profile === undefined) return [];
  const { type = "", localhostProfile: path } = profile;
  const at = `${field}.localhostProfile`;
  const typeErrors =
    type === ""
      ? [required(`${field}.type`, "type is required when seccompProfile is set")]
      : when(!PROFILE_TYPES.includes(type), notSupported(`${field}.type`, type, PROFILE_TYPES));
  if (type !== "Localhost") {
    const text = "can only be set when seccomp type is Localhost";
    return [...typeErrors, ...when(path !== undefined, invalidValue(at, profile, text))];
  }
  if (path === undefined) return [...typeErrors, required(at, "must be set when seccomp type is Localhost")];
  return [...typeErrors, ...validateDescendingPath(at, path)];
}

function localAppArmorErrors(path: string | undefined, field: string): readonly FieldError[] {
  const missing = required(field, "must be set when AppArmor type is Localhost");
  if (path === undefined) return [missing];
  const isPadded = path.trim() !== path;
  return [
    ...(isPadded ? [invalidValue(field, path, "must not be padded with whitespace")] : when(path === "", missing)),
    ...when(byteLength(path) > LONGEST_PROFILE, tooLong(field, LONGEST_PROFILE)),
  ];
}

export function validateAppArmorProfile(profile: AppArmorProfile | undefined, field: string): readonly FieldError[] {
  if (profile === undefined) return [];
  const { type = "", localhostProfile: path } = profile;
  const at = `${field}.localhostProfile`;
  if (type === "") return [required(`${field}.type`, "type is required when appArmorProfile is set")];
  if (!PROFILE_TYPES.includes(type)) return [notSupported(`${field}.type`, type, PROFILE_TYPES)];
  if (type === "Localhost") return localAppArmorErrors(path, at);
  return when(path !== undefined, invalidValue(at, path, "can only be set when AppArmor type is Localhost"));
}

function escalationErrors(context: AnySecurityContext, field: string): readonly FieldError[] {
  if (context.allowPrivilegeEscalation !== false) return [];
  const isAdmin = ((context.capabilities?.add ?? []) as readonly string[]).filter((name) => name === "CAP_SYS_ADMIN");
  return [
    ...when(
      context.privileged === true,
      invalidValue(field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"),
    ),
    ...isAdmin.map(() =>
      invalidValue(
        field,
        context,
        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
      ),
    ),
  ];
}

const PROC_MOUNTS = ["Default", "Unmasked"];

/** @param isHostUser whether the pod is in the host's user namespace */
export function validateSecurityContext(
  context: AnySecurityContext | undefined,
  field: string,
  isHostUser: boolean,
): readonly FieldError[] {
  if (context === undefined) return [];
  const { procMount } = context;
  return [
    ...idErrors(context.runAsUser, `${field}.runAsUser`),
    ...idErrors(context.runAsGroup, `${field}.runAsGroup`),
    ...optionalOneOf(`${field}.procMount`, procMount, PROC_MOUNTS),
    ...when(
      isHostUser && procMount === "Unmasked",
      invalidValue(`${field}.procMount`, procMount, "`hostUsers` must be false to use `Unmasked`"),
    ),
    ...seccompErrors(context.seccompProfile, `${field}.seccompProfile`),
    ...escalationErrors(context, field),
    ...validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`),
    ...validateAppArmorProfile(context.appArmorProfile, `${field}.appArmorProfile`),
  ];
}

function relabelErrors(policy: string | undefined, field: string, rules: PodRules): readonly FieldError[] {
  return optionalOneOf(
    field,
    policy,
    rules.isOnlyRecursiveRelabelAllowed ? ["Recursive"] : ["MountOption", "Recursive"],
  );
}

export function validatePodSecurityContext(spec: AnyPodSpec, field: string, rules: PodRules): readonly FieldError[] {
  const context: Unchecked<PodSecurityContext> | undefined = spec.securityContext;
  if (context === undefined) return [];
  const isShared = spec.shareProcessNamespace === true;
  const text = "ShareProcessNamespace and HostPID cannot both be enabled";
  return [
    ...idErrors(context.fsGroup, `${field}.fsGroup`),
    ...idErrors(context.runAsUser, `${field}.runAsUser`),
    ...idErrors(context.runAsGroup, `${field}.runAsGroup`),
    ...((context.supplementalGroups ?? []) as readonly number[]).flatMap((id, i) =>
      idErrors(id, `${field}.supplementalGroups[${i}]`),
    ),
    ...when(isShared && spec.hostPID === true, invalidValue(`${field}.shareProcessNamespace`, true, text)),
    ...validateSysctls(spec, `${field}.sysctls`, rules),
    ...optionalOneOf(`${field}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ["Always", "OnRootMismatch"]),
    ...seccompErrors(context.seccompProfile, `${field}.seccompProfile`),
    ...validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`),
    ...validateAppArmorProfile(context.appArmorProfile, `${field}.appArmorProfile`),
    ...optionalOneOf(`${field}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ["Merge", "Strict"]),
    ...relabelErrors(context.seLinuxChangePolicy, `${field}.seLinuxChangePolicy`, rules),
  ];
}
