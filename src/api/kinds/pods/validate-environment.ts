import { invalidFor, invalidValue, notFoundValue, required, requiredName, when } from "../../field-error.ts";
import {
  configKeyProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  relaxedEnvironmentNameProblems,
} from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import { placedContainers } from "./pod-rules.ts";
import type { AnyContainer, AnyPodSpec, PodRules } from "./pod-rules.ts";
import { ENVIRONMENT_FIELDS, validateFieldRef, validateResourceRef } from "./validate-downward-api.ts";
import { validateNoBacksteps } from "./validate-paths.ts";

type Variable = NonNullable<AnyContainer["env"]>[number];
type ValueFrom = NonNullable<Variable["valueFrom"]>;
type EnvFrom = NonNullable<AnyContainer["envFrom"]>[number];

function keyErrors(
  { name = "", key = "" }: NonNullable<ValueFrom["configMapKeyRef"]>,
  field: string,
): readonly FieldError[] {
  return [
    ...invalidFor(`${field}.name`, name, dnsSubdomainProblems(name)),
    ...requiredName(`${field}.key`, key, configKeyProblems),
  ];
}

function fileKeyErrors(
  { key, volumeName, path = "" }: NonNullable<ValueFrom["fileKeyRef"]>,
  field: string,
): readonly FieldError[] {
  return [
    ...requiredName(`${field}.key`, key, relaxedEnvironmentNameProblems),
    ...requiredName(`${field}.volumeName`, volumeName, dnsLabelProblems),
    ...(path === "" ? [required(`${field}.path`)] : validateNoBacksteps(`${field}.path`, path)),
  ];
}

function countErrors(variable: Variable, count: number, field: string, rules: PodRules): readonly FieldError[] {
  if (count === 0) {
    const sources = rules.isFileKeyAllowed
      ? "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
      : "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
    return [invalidValue(field, "", `must specify one of: ${sources}`)];
  }
  if ((variable.value ?? "") !== "") return [invalidValue(field, "", "may not be specified when `value` is not empty")];
  return when(count > 1, invalidValue(field, "", "may not have more than one field specified at a time"));
}

function valueFromErrors(variable: Variable, field: string, rules: PodRules): readonly FieldError[] {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  return [
    ...(fieldRef === undefined ? [] : validateFieldRef(fieldRef, ENVIRONMENT_FIELDS, `${field}.fieldRef`)),
    ...(resourceFieldRef === undefined
      ? []
      : validateResourceRef(resourceFieldRef, `${field}.resourceFieldRef`, false)),
    ...(configMapKeyRef === undefined ? [] : keyErrors(configMapKeyRef, `${field}.configMapKeyRef`)),
    ...(secretKeyRef === undefined ? [] : keyErrors(secretKeyRef, `${field}.secretKeyRef`)),
    ...(fileKeyRef === undefined ? [] : fileKeyErrors(fileKeyRef, `${field}.fileKeyRef`)),
    ...countErrors(variable, count, field, rules),
  ];
}

export function validateEnvironment(
  variables: readonly Variable[],
  field: string,
  rules: PodRules,
): readonly FieldError[] {
  return variables.flatMap((variable, i) => [
    ...requiredName(`${field}[${i}].name`, variable.name, relaxedEnvironmentNameProblems),
    ...valueFromErrors(variable, `${field}[${i}].valueFrom`, rules),
  ]);
}

/** Like a name whose generated rest follows: a dash at the end is fine. */
function prefixProblems(name: string): readonly string[] {
  return dnsSubdomainProblems(name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name);
}

export function validateEnvironmentSources(sources: readonly EnvFrom[], field: string): readonly FieldError[] {
  return sources.flatMap(({ prefix = "", configMapRef, secretRef }, i) => {
    const at = `${field}[${i}]`;
    const count = [configMapRef, secretRef].filter(Boolean).length;
    return [
      ...(prefix === "" ? [] : invalidFor(`${at}.prefix`, prefix, relaxedEnvironmentNameProblems(prefix))),
      ...(configMapRef === undefined ? [] : requiredName(`${at}.configMapRef.name`, configMapRef.name, prefixProblems)),
      ...(secretRef === undefined ? [] : requiredName(`${at}.secretRef.name`, secretRef.name, prefixProblems)),
      ...when(count === 0, invalidValue(field, "", "must specify one of: `configMapRef` or `secretRef`")),
      ...when(count > 1, invalidValue(field, "", "may not have more than one field specified at a time")),
    ];
  });
}

/** Files that variables come from lie in emptyDir volumes. */
export function validateFileKeyVolumes(spec: AnyPodSpec, root: string): readonly FieldError[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name ?? "", volume]));
  return placedContainers(spec, root).flatMap(({ container, field }) =>
    (container.env ?? []).flatMap((variable, i) => {
      const name = variable.valueFrom?.fileKeyRef?.volumeName;
      if (variable.valueFrom?.fileKeyRef === undefined) return [];
      const at = `${field}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      const volume = volumes.get(name ?? "");
      if (volume === undefined) return [notFoundValue(at, name ?? "")];
      return when(volume.emptyDir === undefined, invalidValue(at, name, "referenced volume must be of type emptyDir"));
    }),
  );
}
