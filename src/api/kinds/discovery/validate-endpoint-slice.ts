import {
  IMMUTABLE,
  duplicate,
  invalidFor,
  invalidValue,
  optionalName,
  required,
  requiredOneOf,
  tooMany,
  when,
} from "../../field-error.ts";
import { parseIp } from "../../ip-address.ts";
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, labelValueProblems } from "../../names.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { EndpointSlice, KubernetesObject, Unchecked } from "../../types.ts";
import { validateEndpointIp } from "../core/endpoint-address.ts";
import { PORT_PROTOCOLS } from "../core/validate-endpoints.ts";

type Slice = Unchecked<EndpointSlice>;
type Endpoint = NonNullable<Slice["endpoints"]>[number];

const MOST_ENDPOINTS = 1000;
const MOST_ADDRESSES = 100;
const MOST_PORTS = 20_000;
const MOST_HINTS = 8;

function addressErrors(addresses: readonly string[], type: string, field: string): readonly FieldError[] {
  if (addresses.length === 0) return [required(field, "must contain at least 1 address")];
  return [
    ...when(addresses.length > MOST_ADDRESSES, tooMany(field, addresses.length, MOST_ADDRESSES)),
    ...addresses.flatMap((address, i) => {
      const at = `${field}[${i}]`;
      if (type !== "IPv4" && type !== "IPv6") return invalidFor(at, address, dnsSubdomainProblems(address));
      const isOther = parseIp(address)?.family !== type;
      return [
        ...validateEndpointIp(at, address),
        ...when(isOther, invalidValue(field, address, `must be an ${type} address`)),
      ];
    }),
  ];
}

function hintErrors(
  hints: readonly { readonly name?: string | undefined }[],
  rule: (name: string) => readonly string[],
  field: string,
): readonly FieldError[] {
  if (hints.length > MOST_HINTS) return [tooMany(field, hints.length, MOST_HINTS)];
  return hints.flatMap(({ name = "" }, i) => {
    const at = `${field}[${i}].name`;
    const isTwice = hints.slice(0, i).some((other) => other.name === name);
    return [...when(isTwice, duplicate(at, name)), ...invalidFor(at, name, rule(name))];
  });
}

function endpointErrors(endpoint: Endpoint, type: string, field: string): readonly FieldError[] {
  const { addresses = [], nodeName, hostname, hints } = endpoint;
  return [
    ...addressErrors(addresses as readonly string[], type, `${field}.addresses`),
    ...optionalName(`${field}.nodeName`, nodeName, dnsSubdomainProblems),
    ...optionalName(`${field}.hostname`, hostname, dnsLabelProblems),
    ...hintErrors(hints?.forZones ?? [], labelValueProblems, `${field}.hints.forZones`),
    ...hintErrors(hints?.forNodes ?? [], dnsSubdomainProblems, `${field}.hints.forNodes`),
  ];
}

function portErrors(ports: NonNullable<Slice["ports"]>): readonly FieldError[] {
  if (ports.length > MOST_PORTS) return [tooMany("ports", ports.length, MOST_PORTS)];
  const names = new Set<string>();
  return ports.flatMap(({ name = "", protocol, appProtocol }, i) => {
    const at = `ports[${i}]`;
    const isTwice = names.has(name);
    names.add(name);
    return [
      ...optionalName(`${at}.name`, name, dnsLabelProblems),
      ...when(isTwice, duplicate(`${at}.name`, name)),
      ...requiredOneOf(`${at}.protocol`, protocol, PORT_PROTOCOLS),
      ...(appProtocol === undefined ? [] : invalidFor(`${at}.appProtocol`, appProtocol, labelKeyProblems(appProtocol))),
    ];
  });
}

export function validateEndpointSlice(object: KubernetesObject, old?: KubernetesObject): readonly FieldError[] {
  const { addressType = "", endpoints = [], ports = [] } = object as Slice;
  const isKept = old !== undefined && deepEqual(old["endpoints"], object["endpoints"]);
  return [
    ...requiredOneOf("addressType", addressType, ["FQDN", "IPv4", "IPv6"]),
    ...portErrors(ports),
    ...(isKept
      ? []
      : endpoints.length > MOST_ENDPOINTS
        ? [tooMany("endpoints", endpoints.length, MOST_ENDPOINTS)]
        : endpoints.flatMap((endpoint, i) => endpointErrors(endpoint, addressType, `endpoints[${i}]`))),
  ];
}

export function validateEndpointSliceUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const type = object["addressType"];
  return [
    ...validateEndpointSlice(object, old),
    ...when(type !== old["addressType"], invalidValue("addressType", type, IMMUTABLE)),
  ];
}
