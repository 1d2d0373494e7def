import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";
import type { CoreResourceList } from "./resource-list.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import { milliUnits, quantityOf, wholeUnits, ZERO_QUANTITY } from "../../lib/quantity.ts";
import { cleanPath, type FileProjection, type Payload } from "./payload.ts";

/** One file of a downwardAPI volume or projection. */
export interface DownwardFile {
  readonly path: string;
  readonly mode?: number;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: ResourceFieldReference;
}

export interface ResourceFieldReference {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string;
}

const GO_ESCAPES: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\u000B": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** A text as Go's strconv.Quote writes it, which is what labels and annotations files have always held. */
export function quoteLikeGo(text: string): string {
  let quoted = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escape = GO_ESCAPES[character];
    if (escape !== undefined) quoted += escape;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code < 0x7f || isPrintable(character)) quoted += character;
    else if (code <= 0xffff) quoted += `\\u${code.toString(16).padStart(4, "0")}`;
    else quoted += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return `"${quoted}"`;
}

function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character);
}

/** `key="value"` lines, sorted by key. */
export function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${quoteLikeGo(value)}`)
    .join("\n");
}

/** Value of a metadata field of the pod, as volumes may show it. */
export function metadataFieldText(pod: Pod, fieldPath: string): Result<string> {
  const metadata = pod.metadata ?? {};
  const subscripted = /^(.+?)\['(.*)'\]$/s.exec(fieldPath);
  if (subscripted !== null) {
    const [, path, key = ""] = subscripted;
    if (path === "metadata.annotations") return ok(metadata.annotations?.[key] ?? "");
    if (path === "metadata.labels") return ok(metadata.labels?.[key] ?? "");
    return failed(`fieldPath ${JSON.stringify(fieldPath)} does not support subscript`);
  }
  switch (fieldPath) {
    case "metadata.annotations":
      return ok(formatMap(metadata.annotations));
    case "metadata.labels":
      return ok(formatMap(metadata.labels));
    case "metadata.name":
      return ok(metadata.name ?? "");
    case "metadata.namespace":
      return ok(metadata.namespace ?? "");
    case "metadata.uid":
      return ok(metadata.uid ?? "");
    default:
      return failed(`unsupported fieldPath: ${fieldPath}`);
  }
}

function containerNamed(pod: Pod, name: string): Container | EphemeralContainer | undefined {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (container) => container.name === name,
  );
}

/** A container's request or limit in units of the divisor, rounded up; a limit that is not set is what the node can give. */
export function resourceFieldText(
  pod: Pod,
  reference: ResourceFieldReference,
  allocatable: CoreResourceList,
): Result<string> {
  const name = reference.containerName ?? "";
  const container = containerNamed(pod, name);
  if (container === undefined) return failed(`container ${name} not found`);
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(reference.resource);
  const [, list, resource] = match ?? [];
  if (list === undefined || resource === undefined) {
    return failed(`unsupported container resource : ${reference.resource}`);
  }
  const fallback = list === "limits" && !resource.startsWith("hugepages-") ? allocatable[resource] : undefined;
  const own = list === "limits" ? container.resources?.limits : container.resources?.requests;
  const amountText = own?.[resource] ?? fallback;
  const amount = amountText === undefined ? ZERO_QUANTITY : quantityOf(amountText);
  const given = quantityOf(reference.divisor ?? "0");
  const divisor = given.nanos === 0n ? quantityOf("1") : given;
  const [value, by] =
    resource === "cpu" ? [milliUnits(amount), milliUnits(divisor)] : [wholeUnits(amount), wholeUnits(divisor)];
  return ok(String((value + by - 1n) / by));
}

/** All files of a downwardAPI source. */
export function downwardPayload(
  pod: Pod,
  items: readonly DownwardFile[],
  defaultMode: number,
  allocatable: CoreResourceList,
): Result<Payload> {
  const payload = new Map<string, FileProjection>();
  const problems: string[] = [];
  const encoder = new TextEncoder();
  for (const item of items) {
    const text = itemText(pod, item, allocatable);
    if (text.ok) {
      payload.set(cleanPath(item.path), { data: encoder.encode(text.value), mode: item.mode ?? defaultMode });
    } else problems.push(text.reason);
  }
  return problems.length > 0 ? failed(problems.join(", ")) : ok(payload);
}

function itemText(pod: Pod, item: DownwardFile, allocatable: CoreResourceList): Result<string> {
  if (item.fieldRef !== undefined) return metadataFieldText(pod, item.fieldRef.fieldPath);
  if (item.resourceFieldRef !== undefined) return resourceFieldText(pod, item.resourceFieldRef, allocatable);
  return ok("");
}
