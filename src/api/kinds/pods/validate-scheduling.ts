import {
  NOT_POSITIVE,
  duplicate,
  invalidFor,
  invalidValue,
  notSupported,
  optionalOneOf,
  required,
  when,
} from "../../field-error.ts";
import { validateLabelSelector } from "../../label-selector-rules.ts";
import { labelKeyProblems, labelValueProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";
import { validateLabelKeys } from "./validate-affinity.ts";

type Toleration = NonNullable<AnyPodSpec["tolerations"]>[number];
type Constraint = NonNullable<AnyPodSpec["topologySpreadConstraints"]>[number];

export const TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function numberErrors(value: string, field: string): readonly FieldError[] {
  if (value === "") return [invalidValue(field, value, "must be non-empty")];
  const isCanonical = /^(?:0|-?[1-9]\d*)$/u.test(value);
  if (!isCanonical) return [invalidValue(field, value, "must be a valid decimal integer in canonical form")];
  const number = BigInt(value);
  const isTooLarge = number >= 2n ** 63n || number < -(2n ** 63n);
  const text = `strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`;
  return when(isTooLarge, invalidValue(field, value, text));
}

function operatorErrors(
  { operator = "", value = "" }: Toleration,
  field: string,
  rules: Pick<PodRules, "areNumericTolerationsAllowed">,
): readonly FieldError[] {
  const at = `${field}.operator`;
  switch (operator) {
    case "":
    case "Equal": {
      const problems = labelValueProblems(value);
      return when(problems.length > 0, invalidValue(at, value, problems.join(";")));
    }
    case "Exists":
      return when(value !== "", invalidValue(at, value, "value must be empty when `operator` is 'Exists'"));
    case "Lt":
    case "Gt":
      return rules.areNumericTolerationsAllowed
        ? numberErrors(value, `${field}.value`)
        : [notSupported(at, operator, ["Equal", "Exists", "Lt", "Gt"])];
    default:
      return [notSupported(at, operator, ["Equal", "Exists"])];
  }
}

export function validateTolerations(
  tolerations: readonly Toleration[],
  field: string,
  rules: Pick<PodRules, "areNumericTolerationsAllowed">,
): readonly FieldError[] {
  return tolerations.flatMap((toleration, i) => {
    const at = `${field}[${i}]`;
    const { key = "", operator = "", effect = "", tolerationSeconds } = toleration;
    const all = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    const seconds = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    return [
      ...(key === "" ? [] : invalidFor(`${at}.key`, key, labelKeyProblems(key))),
      ...when(key === "" && operator !== "Exists", invalidValue(`${at}.operator`, operator, all)),
      ...when(tolerationSeconds !== undefined && effect !== "NoExecute", invalidValue(`${at}.effect`, effect, seconds)),
      ...operatorErrors(toleration, at, rules),
      ...(effect === "" ? [] : optionalOneOf(`${at}.effect`, effect, TAINT_EFFECTS)),
    ];
  });
}

const ACTIONS = ["DoNotSchedule", "ScheduleAnyway"];
const POLICIES = ["Honor", "Ignore"];

function minDomainErrors({ minDomains, whenUnsatisfiable = "" }: Constraint, field: string): readonly FieldError[] {
  if (minDomains === undefined) return [];
  const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
  return [
    ...when(minDomains <= 0, invalidValue(field, minDomains, NOT_POSITIVE)),
    ...when(whenUnsatisfiable !== "DoNotSchedule", invalidValue(field, minDomains, text)),
  ];
}

/** @param old constraints that stay valid even where they break today's rules about label keys and selectors */
export function validateTopologySpread(
  constraints: readonly Constraint[],
  field: string,
  isLenient: boolean,
): readonly FieldError[] {
  return constraints.flatMap((constraint, i) => {
    const at = `${field}[${i}]`;
    const { maxSkew = 0, topologyKey = "", whenUnsatisfiable = "", labelSelector, matchLabelKeys = [] } = constraint;
    const isTwice = constraints
      .slice(i + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    return [
      ...when(maxSkew <= 0, invalidValue(`${at}.maxSkew`, maxSkew, NOT_POSITIVE)),
      ...when(topologyKey === "", required(`${at}.topologyKey`, "can not be empty")),
      ...when(
        !ACTIONS.includes(whenUnsatisfiable),
        notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ACTIONS),
      ),
      ...when(isTwice, duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`)),
      ...minDomainErrors(constraint, `${at}.minDomains`),
      ...optionalOneOf(`${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, POLICIES),
      ...optionalOneOf(`${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, POLICIES),
      ...(isLenient
        ? []
        : [
            ...validateLabelKeys(matchLabelKeys as readonly string[], [], labelSelector, at),
            ...validateLabelSelector(labelSelector, `${at}.labelSelector`),
          ]),
    ];
  });
}
