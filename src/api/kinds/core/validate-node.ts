import { duplicate, forbiddenField, invalidFor, invalidValue, requiredOneOf, when } from "../../field-error.ts";
import { isOnePerFamily, validateCidr } from "../../ip-address.ts";
import { byteLength, labelKeyProblems, labelValueProblems } from "../../names.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Node } from "../../types.ts";
import { validateAmount } from "../pods/validate-resources.ts";
import { TAINT_EFFECTS } from "../pods/validate-scheduling.ts";

type Taints = NonNullable<NonNullable<Node["spec"]>["taints"]>;

function taintErrors(taints: Taints | undefined, field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, i) => {
    const at = `${field}[${i}]`;
    const { key = "", value = "", effect = "" } = taint;
    const pair = `${key}:${effect}`;
    const isTwice = seen.has(pair);
    seen.add(pair);
    const valueProblems = labelValueProblems(value);
    const twice = duplicate(at, taint);
    return [
      ...invalidFor(`${at}.key`, key, labelKeyProblems(key)),
      ...when(valueProblems.length > 0, invalidValue(`${at}.value`, value, valueProblems.join(";"))),
      ...requiredOneOf(`${at}.effect`, effect, TAINT_EFFECTS),
      ...when(isTwice, { ...twice, message: `${twice.message}: taints must be unique by key and effect pair` }),
    ];
  });
}

const FEATURE = /^([A-Z][a-zA-Z0-9]*)(\/[a-zA-Z0-9]+)*$/u;
const LONGEST_FEATURE = 253;
const FEATURE_TEXT =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";

function featureErrors(features: readonly string[], field: string): readonly FieldError[] {
  return features.flatMap((feature, i) => {
    const name = `invalid feature name ${JSON.stringify(feature)}: `;
    const before = features[i - 1];
    return [
      ...(byteLength(feature) > LONGEST_FEATURE
        ? [invalidValue(`${field}[${i}]`, feature, `${name}must be no more than ${LONGEST_FEATURE} characters`)]
        : when(!FEATURE.test(feature), invalidValue(`${field}[${i}]`, feature, `${name}${FEATURE_TEXT}`))),
      ...when(before === feature, duplicate(`${field}[${i}]`, feature)),
      ...when(
        before !== undefined && before > feature,
        invalidValue(`${field}[${i}]`, feature, "list must be sorted alphabetically"),
      ),
    ];
  });
}

function resourceErrors({ status }: Node): readonly FieldError[] {
  return (["capacity", "allocatable"] as const).flatMap((group) =>
    Object.entries(status?.[group] ?? {}).flatMap(([name, amount]) =>
      validateAmount(name, amount, `status.${group}.${name}`),
    ),
  );
}

function statusErrors(node: Node): readonly FieldError[] {
  const swap = node.status?.nodeInfo?.swap?.capacity;
  return [
    ...resourceErrors(node),
    ...when(
      swap !== undefined && swap <= 0,
      invalidValue("metadata.nodeSwapStatus.capacity", swap, "must be greater than zero"),
    ),
    ...featureErrors(node.status?.declaredFeatures ?? [], "status.declaredFeatures"),
  ];
}

export function validateNodeRanges(object: KubernetesObject): readonly FieldError[] {
  const { spec } = object as Node;
  const ranges = spec?.podCIDRs ?? [];
  const addresses = ranges.map((range) => range.split("/")[0] ?? "");
  return [
    ...ranges.flatMap((range, i) => validateCidr(`spec.podCIDRs[${i}]`, range)),
    ...when(
      !isOnePerFamily(addresses),
      invalidValue("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family"),
    ),
  ];
}

export function validateNode(object: KubernetesObject): readonly FieldError[] {
  const node = object as Node;
  return [...taintErrors(node.spec?.taints, "metadata.taints"), ...statusErrors(node), ...validateNodeRanges(object)];
}

/** Updates of nodes and of their status obey the same rules. */
export function validateNodeUpdate(object: KubernetesObject, oldObject: KubernetesObject): readonly FieldError[] {
  const [node, old] = [object as Node, oldObject as Node];
  const addresses = node.status?.addresses ?? [];
  const ranges = old.spec?.podCIDRs ?? [];
  const provider = old.spec?.providerID ?? "";
  return [
    ...statusErrors(node),
    ...addresses.flatMap((address, i) =>
      when(
        addresses.slice(0, i).some((other) => deepEqual(other, address)),
        duplicate(`status.addresses[${i}]`, address),
      ),
    ),
    ...when(
      ranges.length > 0 && !deepEqual(ranges, node.spec?.podCIDRs ?? []),
      forbiddenField("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'),
    ),
    ...when(
      provider !== "" && provider !== node.spec?.providerID,
      forbiddenField("spec.providerID", 'node updates may not change providerID except from "" to valid'),
    ),
    ...taintErrors(node.spec?.taints, "metadata.taints"),
  ];
}
