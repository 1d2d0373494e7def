import { duplicate, invalidValue, required, when } from "../../field-error.ts";
import { byteLength } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";

const SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const NAME = `^(${SEGMENT}[\\./])*${SEGMENT}$`;
const NAME_PATTERN = new RegExp(`^(?:${SEGMENT}[./])*${SEGMENT}$`, "u");
const LONGEST = 253;

/** Which kernel namespace a sysctl belongs to; names may be written with dots or slashes. */
function namespaceOf(name: string): "ipc" | "net" | undefined {
  const dotted = dottedName(name);
  if (dotted === "kernel.sem" || /^(?:kernel\.shm|kernel\.msg|fs\.mqueue\.)/u.test(dotted)) return "ipc";
  return dotted.startsWith("net.") ? "net" : undefined;
}

/** `net/ipv4/conf/eth0.1/x` is `net.ipv4.conf.eth0/1.x`: the first separator tells which one is meant. */
function dottedName(name: string): string {
  const separator = /[./]/u.exec(name)?.[0];
  if (separator !== "/") return name;
  return name.replace(/[./]/gu, (character) => (character === "/" ? "." : "/"));
}

function hostErrors(name: string, spec: AnyPodSpec, field: string): readonly FieldError[] {
  const namespace = namespaceOf(name);
  return [
    ...when(
      spec.hostNetwork === true && namespace === "net",
      invalidValue(field, name, "may not be specified when 'hostNetwork' is true"),
    ),
    ...when(
      spec.hostIPC === true && namespace === "ipc",
      invalidValue(field, name, "may not be specified when 'hostIPC' is true"),
    ),
  ];
}

export function hasHostSysctl(spec: AnyPodSpec): boolean {
  return (spec.securityContext?.sysctls ?? []).some(({ name = "" }) => hostErrors(name, spec, "").length > 0);
}

export function validateSysctls(spec: AnyPodSpec, field: string, rules: PodRules): readonly FieldError[] {
  const seen = new Set<string>();
  return (spec.securityContext?.sysctls ?? []).flatMap(({ name = "" }, i) => {
    const at = `${field}[${i}].name`;
    const isTwice = seen.has(name);
    seen.add(name);
    const isValid = byteLength(name) <= LONGEST && NAME_PATTERN.test(name);
    const own =
      name === ""
        ? [required(at)]
        : isValid
          ? when(isTwice, duplicate(at, name))
          : [invalidValue(at, name, `must have at most ${LONGEST} characters and match regex ${NAME}`)];
    return [...own, ...(rules.areHostSysctlsAllowed ? [] : hostErrors(name, spec, at))];
  });
}
