import { forbiddenField, invalidFor, invalidValue, required, when } from "../../field-error.ts";
import { validateLabelSelector } from "../../label-selector-rules.ts";
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, labelValueProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { LabelSelector, Unchecked } from "../../types.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";

type Affinity = NonNullable<AnyPodSpec["affinity"]>;
type NodeAffinity = NonNullable<Affinity["nodeAffinity"]>;
type NodeSelector = NonNullable<NodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>;
type NodeTerm = NonNullable<NodeSelector["nodeSelectorTerms"]>[number];
type Requirement = NonNullable<NodeTerm["matchExpressions"]>[number];
type PodAffinity = NonNullable<Affinity["podAffinity"]>;
type PodTerm = NonNullable<PodAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>[number];

function valuesErrors({ operator = "", values = [] }: Requirement, field: string): readonly FieldError[] {
  switch (operator) {
    case "In":
    case "NotIn":
      return when(
        values.length === 0,
        required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"),
      );
    case "Exists":
    case "DoesNotExist":
      return when(
        values.length > 0,
        forbiddenField(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    case "Gt":
    case "Lt":
      return when(
        values.length !== 1,
        required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
      );
    default:
      return [invalidValue(`${field}.operator`, operator, "not a valid selector operator")];
  }
}

function expressionErrors(requirement: Requirement, field: string, isLenient: boolean): readonly FieldError[] {
  const { key = "", values = [] } = requirement;
  return [
    ...valuesErrors(requirement, field),
    ...invalidFor(`${field}.key`, key, labelKeyProblems(key)),
    ...(isLenient
      ? []
      : (values as readonly string[]).flatMap((value, i) =>
          invalidFor(`${field}.values[${i}]`, value, labelValueProblems(value)),
        )),
  ];
}

function fieldErrors({ key = "", operator = "", values = [] }: Requirement, field: string): readonly FieldError[] {
  const isSet = operator === "In" || operator === "NotIn";
  const text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
  return [
    ...when(isSet && values.length !== 1, required(`${field}.values`, text)),
    ...when(!isSet, invalidValue(`${field}.operator`, operator, "not a valid selector operator")),
    ...(key === "metadata.name"
      ? (values as readonly string[]).flatMap((value, i) =>
          invalidFor(`${field}.values[${i}]`, value, dnsSubdomainProblems(value)),
        )
      : [invalidValue(`${field}.key`, key, "not a valid field selector key")]),
  ];
}

function nodeTermErrors(term: NodeTerm, field: string, isLenient: boolean): readonly FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((requirement, i) =>
      expressionErrors(requirement, `${field}.matchExpressions[${i}]`, isLenient),
    ),
    ...(term.matchFields ?? []).flatMap((requirement, i) => fieldErrors(requirement, `${field}.matchFields[${i}]`)),
  ];
}

/** Also used for the node affinity of persistent volumes. */
export function validateNodeSelector(selector: NodeSelector, field: string, isLenient: boolean): readonly FieldError[] {
  const terms = selector.nodeSelectorTerms ?? [];
  const at = `${field}.nodeSelectorTerms`;
  if (terms.length === 0) return [required(at, "must have at least one node selector term")];
  return terms.flatMap((term, i) => nodeTermErrors(term, `${at}[${i}]`, isLenient));
}

function weightErrors(weight: number, field: string): readonly FieldError[] {
  return when(weight <= 0 || weight > 100, invalidValue(`${field}.weight`, weight, "must be in the range 1-100"));
}

function nodeAffinityErrors(affinity: NodeAffinity, field: string, rules: PodRules): readonly FieldError[] {
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const should = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...(must === undefined
      ? []
      : validateNodeSelector(
          must,
          `${field}.requiredDuringSchedulingIgnoredDuringExecution`,
          rules.areInvalidNodeAffinityValuesAllowed,
        )),
    ...should.flatMap(({ weight = 0, preference = {} }, i) => {
      const at = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      return [...weightErrors(weight, at), ...nodeTermErrors(preference, `${at}.preference`, true)];
    }),
  ];
}

function labelKeysErrors(keys: readonly string[], selector: unknown, field: string): readonly FieldError[] {
  if (keys.length === 0) return [];
  if (selector === undefined) return [forbiddenField(field, "must not be specified when labelSelector is not set")];
  return keys.flatMap((key, i) => invalidFor(`${field}[${i}]`, key, labelKeyProblems(key)));
}

/**
 * matchLabelKeys and mismatchLabelKeys. When a pod is validated they are part of the selector already, so a key that
 * the selector names besides is one that occurs twice.
 */
export function validateLabelKeys(
  matchKeys: readonly string[],
  mismatchKeys: readonly string[],
  selector: Unchecked<LabelSelector> | undefined,
  field: string,
): readonly FieldError[] {
  const named = new Set(Object.keys(selector?.matchLabels ?? {}));
  const twice = (selector?.matchExpressions ?? []).flatMap(({ key = "" }) => {
    const index = matchKeys.lastIndexOf(key);
    const isTwice = index !== -1 && named.has(key);
    named.add(key);
    return when(isTwice, invalidValue(`${field}[${index}]`, key, "exists in both matchLabelKeys and labelSelector"));
  });
  return [
    ...labelKeysErrors(matchKeys, selector, `${field}.matchLabelKeys`),
    ...labelKeysErrors(mismatchKeys, selector, `${field}.mismatchLabelKeys`),
    ...twice,
    ...matchKeys.flatMap((key, i) =>
      when(
        mismatchKeys.includes(key),
        invalidValue(`${field}.matchLabelKeys[${i}]`, key, "exists in both matchLabelKeys and mismatchLabelKeys"),
      ),
    ),
  ];
}

function podTermErrors(term: PodTerm, field: string, rules: PodRules): readonly FieldError[] {
  const isLenient = rules.areInvalidSelectorValuesAllowed;
  const { topologyKey = "", labelSelector } = term;
  const namespaces = (term.namespaces ?? []) as readonly string[];
  const matchKeys = (term.matchLabelKeys ?? []) as readonly string[];
  const mismatchKeys = (term.mismatchLabelKeys ?? []) as readonly string[];
  return [
    ...validateLabelSelector(labelSelector, `${field}.labelSelector`, isLenient),
    ...validateLabelSelector(term.namespaceSelector, `${field}.namespaceSelector`, isLenient),
    ...namespaces.flatMap((name) => invalidFor(`${field}.namespace`, name, dnsLabelProblems(name))),
    ...validateLabelKeys(matchKeys, mismatchKeys, labelSelector, field),
    ...when(topologyKey === "", required(`${field}.topologyKey`, "can not be empty")),
    ...invalidFor(`${field}.topologyKey`, topologyKey, labelKeyProblems(topologyKey)),
  ];
}

function podAffinityErrors(affinity: PodAffinity, field: string, rules: PodRules): readonly FieldError[] {
  return [
    ...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
      podTermErrors(term, `${field}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, rules),
    ),
    ...(affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(
      ({ weight = 0, podAffinityTerm = {} }, i) => {
        const at = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
        return [...weightErrors(weight, at), ...podTermErrors(podAffinityTerm, `${at}.podAffinityTerm`, rules)];
      },
    ),
  ];
}

export function validateAffinity(
  affinity: Affinity | undefined,
  field: string,
  rules: PodRules,
): readonly FieldError[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  return [
    ...(nodeAffinity === undefined ? [] : nodeAffinityErrors(nodeAffinity, `${field}.nodeAffinity`, rules)),
    ...(podAffinity === undefined ? [] : podAffinityErrors(podAffinity, `${field}.podAffinity`, rules)),
    ...(podAntiAffinity === undefined ? [] : podAffinityErrors(podAntiAffinity, `${field}.podAntiAffinity`, rules)),
  ];
}
