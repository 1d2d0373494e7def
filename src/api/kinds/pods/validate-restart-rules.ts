import { forbiddenField, notSupported, required, tooMany, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import { isAlways } from "./pod-rules.ts";
import type { AnyContainer, PodRules } from "./pod-rules.ts";

type Rule = NonNullable<AnyContainer["restartPolicyRules"]>[number];

const POLICIES = ["Always", "Never", "OnFailure"];
const OPERATORS = ["In", "NotIn"];
const MOST_RULES = 20;
const MOST_EXIT_CODES = 255;

function ruleErrors({ action = "", exitCodes }: Rule, field: string, rules: PodRules): readonly FieldError[] {
  const actions = rules.isRestartAllAllowed ? ["Restart", "RestartAllContainers"] : ["Restart"];
  const wrongAction = when(!actions.includes(action), notSupported(`${field}.action`, action, actions));
  const at = `${field}.exitCodes`;
  if (exitCodes === undefined) return [...wrongAction, required(at, "must be specified")];
  const { operator = "", values = [] } = exitCodes;
  return [
    ...wrongAction,
    ...when(!OPERATORS.includes(operator), notSupported(`${at}.operator`, operator, OPERATORS)),
    ...when(values.length > MOST_EXIT_CODES, tooMany(`${at}.values`, values.length, MOST_EXIT_CODES)),
  ];
}

/** restartPolicy and restartPolicyRules of one container. */
export function validateRestart(container: AnyContainer, field: string, rules: PodRules): readonly FieldError[] {
  const { restartPolicy: policy, restartPolicyRules: own = [] } = container;
  if (policy === undefined && own.length === 0) return [];
  const at = `${field}.restartPolicy`;
  const listed = `${field}.restartPolicyRules`;
  return [
    ...(policy === undefined
      ? [required(at, "must specify restartPolicy when restart rules are used")]
      : when(!POLICIES.includes(policy), notSupported(at, policy, POLICIES))),
    ...when(own.length > MOST_RULES, tooMany(listed, own.length, MOST_RULES)),
    ...own.flatMap((rule, i) => ruleErrors(rule, `${listed}[${i}]`, rules)),
  ];
}

/** The same for init containers, where Always makes a sidecar. */
export function validateInitRestart(container: AnyContainer, field: string, rules: PodRules): readonly FieldError[] {
  const { restartPolicy: policy, restartPolicyRules: own = [] } = container;
  const at = `${field}.restartPolicy`;
  if (policy === undefined) {
    return when(own.length > 0, required(at, "must specify restartPolicy when restart rules are used"));
  }
  if (!rules.areRestartRulesAllowed) return when(!isAlways(container), notSupported(at, policy, ["Always"]));
  if (!isAlways(container) || rules.isRestartAllAllowed) return validateRestart(container, field, rules);
  const text = "restartPolicyRules are not allowed for init containers with restart policy Always";
  return when(own.length > 0, forbiddenField(`${field}.restartPolicyRules`, text));
}
