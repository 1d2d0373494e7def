import { invalidFor, optionalName, required, requiredOneOf, when } from "../../field-error.ts";
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, portNumberProblems } from "../../names.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { Endpoints, KubernetesObject, Unchecked } from "../../types.ts";
import { validateEndpointIp } from "./endpoint-address.ts";

type Subset = NonNullable<Unchecked<Endpoints>["subsets"]>[number];

export const PORT_PROTOCOLS = ["SCTP", "TCP", "UDP"];

function portErrors({ ports = [] }: Subset, field: string): readonly FieldError[] {
  return ports.flatMap(({ name = "", port = 0, protocol, appProtocol }, i) => {
    const at = `${field}.ports[${i}]`;
    return [
      ...when(ports.length > 1 && name === "", required(`${at}.name`)),
      ...optionalName(`${at}.name`, name, dnsLabelProblems),
      ...invalidFor(`${at}.port`, port, portNumberProblems(port)),
      ...requiredOneOf(`${at}.protocol`, protocol, PORT_PROTOCOLS),
      ...(appProtocol === undefined ? [] : invalidFor(`${at}.appProtocol`, appProtocol, labelKeyProblems(appProtocol))),
    ];
  });
}

function subsetErrors(subset: Subset, field: string): readonly FieldError[] {
  const groups = ["addresses", "notReadyAddresses"] as const;
  const isEmpty = groups.every((group) => (subset[group] ?? []).length === 0);
  return [
    ...when(isEmpty, required(field, "must specify `addresses` or `notReadyAddresses`")),
    ...groups.flatMap((group) =>
      (subset[group] ?? []).flatMap(({ ip = "", hostname, nodeName }, i) => {
        const at = `${field}.${group}[${i}]`;
        return [
          ...optionalName(`${at}.hostname`, hostname, dnsLabelProblems),
          ...optionalName(`${at}.nodeName`, nodeName, dnsSubdomainProblems),
          ...validateEndpointIp(`${at}.ip`, ip),
        ];
      }),
    ),
    ...portErrors(subset, field),
  ];
}

export function validateEndpoints(object: KubernetesObject): readonly FieldError[] {
  return ((object as Unchecked<Endpoints>).subsets ?? []).flatMap((subset, i) => subsetErrors(subset, `subsets[${i}]`));
}

/** Subsets that did not change stay as they are, faults included. */
export function validateEndpointsUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return deepEqual(object["subsets"], old["subsets"]) ? [] : validateEndpoints(object);
}
