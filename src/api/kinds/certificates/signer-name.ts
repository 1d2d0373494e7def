import { invalidValue, required, tooLong, when } from "../../field-error.ts";
import { byteLength, dnsLabelProblems, dnsSubdomainProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";

const LONGEST_DOMAIN = 253;
/** Domain, "/", namespace label, ".", resource name. */
const LONGEST = LONGEST_DOMAIN + 1 + 253 + 63 + 1;

/** Problems of the first bad part of a dotted text. */
function firstBadPart(field: string, whole: string, rule: (part: string) => readonly string[]): readonly FieldError[] {
  const bad = whole.split(".").find((part) => rule(part).length > 0);
  if (bad === undefined) return [];
  return rule(bad).map((problem) => invalidValue(field, whole, `validating label ${JSON.stringify(bad)}: ${problem}`));
}

/** `example.com/signer-name` */
export function validateSignerName(field: string, name: string | undefined): readonly FieldError[] {
  if (name === undefined || name === "") return [required(field)];
  const [domain = "", path = "", ...more] = name.split("/");
  if (!name.includes("/") || more.length > 0) {
    const text = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(field, name, text)];
  }
  return [
    ...when(byteLength(domain) > LONGEST_DOMAIN, tooLong(field, LONGEST_DOMAIN)),
    ...firstBadPart(field, domain, dnsLabelProblems),
    ...when(
      !domain.includes("."),
      invalidValue(field, domain, "should be a domain with at least two segments separated by dots"),
    ),
    ...firstBadPart(field, path, dnsSubdomainProblems),
    ...when(byteLength(name) > LONGEST, tooLong(field, LONGEST)),
  ];
}

/** A signer that only Kubernetes itself may define. */
export function isKubernetesSigner(name: string): boolean {
  const [domain = ""] = name.split("/");
  return domain === "kubernetes.io" || domain.endsWith(".kubernetes.io");
}
