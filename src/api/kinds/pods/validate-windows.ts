import { forbiddenField, invalidFor, invalidValue, when } from "../../field-error.ts";
import { byteLength, dnsSubdomainProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import { placedContainers } from "./pod-rules.ts";
import type { AnyContainer, AnyPodSpec } from "./pod-rules.ts";

type Options = NonNullable<NonNullable<AnyContainer["securityContext"]>["windowsOptions"]>;

const LONGEST_SPEC_KIB = 64;
const LONGEST_DOMAIN = 256;
const LONGEST_USER = 104;
const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/u;
const DNS_DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/u;

function userNameProblem(name: string): string | undefined {
  if (name === "") return "runAsUserName cannot be an empty string";
  if (/\p{Cc}/u.test(name)) return "runAsUserName cannot contain control characters";
  const parts = name.split("\\");
  if (parts.length > 2) return "runAsUserName cannot contain more than one backslash";
  const [user = "", domain] = parts.toReversed();
  if (domain !== undefined && byteLength(domain) >= LONGEST_DOMAIN) {
    return `runAsUserName's Domain length must be under ${LONGEST_DOMAIN} characters`;
  }
  if (domain !== undefined && !NET_BIOS.test(domain) && !DNS_DOMAIN.test(domain)) {
    return "runAsUserName's Domain doesn't match the NetBios nor the DNS format";
  }
  if (user === "") return "runAsUserName's User cannot be empty";
  if (byteLength(user) > LONGEST_USER) {
    return `runAsUserName's User length must not be longer than ${LONGEST_USER} characters`;
  }
  if (/^[. ]+$/u.test(user)) return "runAsUserName's User cannot contain only periods or spaces";
  if (/["/\\:;|=,+*?<>@[\]]/u.test(user)) {
    return "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]";
  }
  return undefined;
}

export function validateWindowsOptions(options: Options | undefined, field: string): readonly FieldError[] {
  if (options === undefined) return [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  const at = `${field}.gmsaCredentialSpec`;
  const problem = runAsUserName === undefined ? undefined : userNameProblem(runAsUserName);
  return [
    ...(name === undefined ? [] : invalidFor(`${field}.gmsaCredentialSpecName`, name, dnsSubdomainProblems(name))),
    ...when(spec === "", invalidValue(at, spec, "gmsaCredentialSpec cannot be an empty string")),
    ...when(
      byteLength(spec ?? "") > LONGEST_SPEC_KIB * 1024,
      invalidValue(at, spec, `gmsaCredentialSpec size must be under ${LONGEST_SPEC_KIB} KiB`),
    ),
    ...(problem === undefined ? [] : [invalidValue(`${field}.runAsUserName`, runAsUserName, problem)]),
  ];
}

/** Either all containers run in the host or none does. */
export function validateHostProcess(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const own = spec.securityContext?.windowsOptions?.hostProcess;
  const containers = placedContainers(spec, root);
  const values = containers.map(({ container }) => container.securityContext?.windowsOptions?.hostProcess);
  const count = values.filter((value) => value ?? own ?? false).length;
  const errors = containers.flatMap(({ field }, i) => {
    const value = values[i];
    const isDifferent = own !== undefined && value !== undefined && own !== value;
    const text = `pod hostProcess value must be identical if both are specified, was ${String(own)}`;
    return when(isDifferent, invalidValue(`${field}.securityContext.windowsOptions.hostProcess`, value, text));
  });
  if (count === 0) return errors;
  const isHostNetwork = spec.hostNetwork === true;
  return [
    ...errors,
    ...when(
      count !== containers.length,
      invalidValue(
        root,
        "",
        "If pod contains any hostProcess containers then all containers must be HostProcess containers",
      ),
    ),
    ...when(
      !isHostNetwork,
      invalidValue(`${root}.hostNetwork`, false, "hostNetwork must be true if pod contains any hostProcess containers"),
    ),
  ];
}

export function validateLinuxPod(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const text = "windows options cannot be set for a linux pod";
  return [
    ...when(
      spec.securityContext?.windowsOptions !== undefined,
      forbiddenField(`${root}.securityContext.windowsOptions`, text),
    ),
    ...placedContainers(spec, root).flatMap(({ container, field }) =>
      when(
        container.securityContext?.windowsOptions !== undefined,
        forbiddenField(`${field}.securityContext.windowsOptions`, text),
      ),
    ),
  ];
}

const POD_FIELDS = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;

const CONTAINER_FIELDS = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

/** Fields that only mean something on Linux. */
export function validateWindowsPod(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const refuse = (field: string): FieldError => forbiddenField(field, "cannot be set for a windows pod");
  const { securityContext } = spec;
  return [
    ...when(spec.hostUsers !== undefined, refuse(`${root}.hostUsers`)),
    ...when(spec.hostPID === true, refuse(`${root}.hostPID`)),
    ...when(spec.hostIPC === true, refuse(`${root}.hostIPC`)),
    ...when(spec.shareProcessNamespace !== undefined, refuse(`${root}.shareProcessNamespace`)),
    ...POD_FIELDS.filter((name) => securityContext?.[name] !== undefined).map((name) =>
      refuse(`${root}.securityContext.${name}`),
    ),
    ...placedContainers(spec, root).flatMap(({ container, field }) =>
      CONTAINER_FIELDS.filter((name) => container.securityContext?.[name] !== undefined).map((name) =>
        refuse(`${field}.securityContext.${name}`),
      ),
    ),
  ];
}
