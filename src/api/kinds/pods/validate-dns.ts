import { invalidFor, invalidValue, required, when } from "../../field-error.ts";
import { validateIp } from "../../ip-address.ts";
import { byteLength, dnsSubdomainProblems, dnsSubdomainWithUnderscoreProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { AnyPodSpec } from "./pod-rules.ts";

const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCHES = 2048;

function searchErrors(search: string, field: string): readonly FieldError[] {
  if (search === ".") return [];
  const name = search.replace(/\.$/u, "");
  return invalidFor(field, name, dnsSubdomainWithUnderscoreProblems(name));
}

export function validateDns({ dnsConfig, dnsPolicy }: AnyPodSpec, field: string): readonly FieldError[] {
  const servers = (dnsConfig?.nameservers ?? []) as readonly string[];
  const searches = (dnsConfig?.searches ?? []) as readonly string[];
  if (dnsPolicy === "None" && dnsConfig === undefined) {
    return [required(field, "must provide `dnsConfig` when `dnsPolicy` is None")];
  }
  if (dnsPolicy === "None" && servers.length === 0) {
    const text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
    return [required(`${field}.nameservers`, text)];
  }
  const searchList = `${field}.searches`;
  return [
    ...when(
      servers.length > MOST_SERVERS,
      invalidValue(`${field}.nameservers`, servers, `must not have more than ${MOST_SERVERS} nameservers`),
    ),
    ...servers.flatMap((server, i) => validateIp(`${field}.nameservers[${i}]`, server)),
    ...when(
      searches.length > MOST_SEARCHES,
      invalidValue(searchList, searches, `must not have more than ${MOST_SEARCHES} search paths`),
    ),
    ...when(
      byteLength(searches.join(" ")) > LONGEST_SEARCHES,
      invalidValue(
        searchList,
        searches,
        `must not have more than ${LONGEST_SEARCHES} characters (including spaces) in the search list`,
      ),
    ),
    ...searches.flatMap((search, i) => searchErrors(search, `${searchList}[${i}]`)),
    ...(dnsConfig?.options ?? []).flatMap(({ name = "" }, i) =>
      when(name === "", required(`${field}.options[${i}]`, "must not be empty")),
    ),
  ];
}

export function validateHostAliases(aliases: AnyPodSpec["hostAliases"], field: string): readonly FieldError[] {
  return (aliases ?? []).flatMap(({ ip = "", hostnames = [] }, i) => [
    ...validateIp(`${field}[${i}].ip`, ip),
    ...(hostnames as readonly string[]).flatMap((name, j) =>
      invalidFor(`${field}[${i}].hostnames[${j}]`, name, dnsSubdomainProblems(name)),
    ),
  ]);
}
