import { invalidFor, invalidValue, notSupported, required, requiredName, when } from "../../field-error.ts";
import { labelSelectorRequirements } from "../../label-selector.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../../label-selector-rules.ts";
import { dnsSubdomainProblems, pathSegmentProblems } from "../../names.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type {
  ClusterRole,
  KubernetesObject,
  LabelSelector,
  PolicyRule,
  RoleBinding,
  Subject,
  Unchecked,
} from "../../types.ts";

const GROUP = "rbac.authorization.k8s.io";

/** One rule of a role; also for other kinds that hold rules. */
export function validatePolicyRule(
  rule: Unchecked<PolicyRule>,
  isNamespaced: boolean,
  field: string,
): readonly FieldError[] {
  const { verbs = [], nonResourceURLs: urls = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  const noVerbs = when(verbs.length === 0, required(`${field}.verbs`, "verbs must contain at least one value"));
  if (urls.length > 0) {
    const at = `${field}.nonResourceURLs`;
    const isMixed = apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0;
    return [
      ...noVerbs,
      ...when(isNamespaced, invalidValue(at, urls, "namespaced rules cannot apply to non-resource URLs")),
      ...when(isMixed, invalidValue(at, urls, "rules cannot apply to both regular resources and non-resource URLs")),
    ];
  }
  return [
    ...noVerbs,
    ...when(
      apiGroups.length === 0,
      required(`${field}.apiGroups`, "resource rules must supply at least one api group"),
    ),
    ...when(resources.length === 0, required(`${field}.resources`, "resource rules must supply at least one resource")),
  ];
}

function ruleErrors(object: KubernetesObject, isNamespaced: boolean): readonly FieldError[] {
  return ((object as Unchecked<ClusterRole>).rules ?? []).flatMap((rule, i) =>
    validatePolicyRule(rule, isNamespaced, `rules[${i}]`),
  );
}

export function validateRole(object: KubernetesObject): readonly FieldError[] {
  return ruleErrors(object, true);
}

function canSelect(selector: Unchecked<LabelSelector>): boolean {
  try {
    labelSelectorRequirements(selector as LabelSelector);
    return true;
  } catch {
    return false;
  }
}

/** @param old whose invalid selector values may stay */
export function validateClusterRole(object: KubernetesObject, old?: KubernetesObject): readonly FieldError[] {
  const { aggregationRule } = object as Unchecked<ClusterRole>;
  const before = (old as Unchecked<ClusterRole> | undefined)?.aggregationRule?.clusterRoleSelectors ?? [];
  const isLenient = before.some((selector) => hasInvalidLabelValue(selector));
  const selectors = aggregationRule?.clusterRoleSelectors ?? [];
  const field = "aggregationRule.clusterRoleSelectors";
  return [
    ...ruleErrors(object, false),
    ...when(
      aggregationRule !== undefined && selectors.length === 0,
      required(field, "at least one clusterRoleSelector required if aggregationRule is non-nil"),
    ),
    ...selectors.flatMap((selector, i) => [
      ...validateLabelSelector(selector, `${field}[${i}]`, isLenient),
      ...when(!canSelect(selector), invalidValue(`${field}[${i}]`, undefined, "invalid label selector.")),
    ]),
  ];
}

function subjectErrors(subject: Unchecked<Subject>, isNamespaced: boolean, field: string): readonly FieldError[] {
  const { kind = "", name = "", apiGroup = "", namespace = "" } = subject;
  const missing = when(name === "", required(`${field}.name`));
  switch (kind) {
    case "ServiceAccount":
      return [
        ...missing,
        ...(name === "" ? [] : invalidFor(`${field}.name`, name, dnsSubdomainProblems(name))),
        ...when(apiGroup !== "", notSupported(`${field}.apiGroup`, apiGroup, [""])),
        ...when(!isNamespaced && namespace === "", required(`${field}.namespace`)),
      ];
    case "User":
    case "Group":
      return [...missing, ...when(apiGroup !== GROUP, notSupported(`${field}.apiGroup`, apiGroup, [GROUP]))];
    default:
      return [...missing, notSupported(`${field}.kind`, kind, ["ServiceAccount", "User", "Group"])];
  }
}

function bindingErrors(object: KubernetesObject, isNamespaced: boolean): readonly FieldError[] {
  const { roleRef, subjects = [] } = object as Unchecked<RoleBinding>;
  const { apiGroup = "", kind = "", name } = roleRef ?? {};
  const kinds = isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
  return [
    ...when(apiGroup !== GROUP, notSupported("roleRef.apiGroup", apiGroup, [GROUP])),
    ...when(!kinds.includes(kind), notSupported("roleRef.kind", kind, kinds)),
    ...requiredName("roleRef.name", name, pathSegmentProblems),
    ...subjects.flatMap((subject, i) => subjectErrors(subject, isNamespaced, `subjects[${i}]`)),
  ];
}

function fixedRoleErrors(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const isChanged = !deepEqual(object["roleRef"], old["roleRef"]);
  return when(isChanged, invalidValue("roleRef", object["roleRef"], "cannot change roleRef"));
}

export function validateRoleBinding(object: KubernetesObject): readonly FieldError[] {
  return bindingErrors(object, true);
}

export function validateRoleBindingUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return [...bindingErrors(object, true), ...fixedRoleErrors(object, old)];
}

export function validateClusterRoleBinding(object: KubernetesObject): readonly FieldError[] {
  return bindingErrors(object, false);
}

export function validateClusterRoleBindingUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
): readonly FieldError[] {
  return [...bindingErrors(object, false), ...fixedRoleErrors(object, old)];
}
