import type { PolicyRule, RoleRef, Subject } from "../../api/types.ts";
import { fieldsOf, stringsOf, textOf } from "./fields.ts";

export type Complain = (what: string) => void;

function readTexts(value: unknown, field: string, wrong: Complain): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    wrong(`${field} is not a list of strings; the rule is left out`);
    return undefined;
  }
  return value;
}

/** Rules that can not be read keep their place as a rule that grants nothing, so that indexes fit the manifest. */
export function readRules(value: unknown, wrong: Complain): readonly PolicyRule[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    wrong("rules is not a list");
    return [];
  }
  return value.map((item: unknown, index): PolicyRule => {
    const fields = fieldsOf(item);
    const read = (field: string): readonly string[] | undefined =>
      readTexts(fields[field], `rules[${index}].${field}`, wrong);
    const [verbs, apiGroups, resources] = [read("verbs"), read("apiGroups"), read("resources")];
    const [resourceNames, nonResourceURLs] = [read("resourceNames"), read("nonResourceURLs")];
    const broken = ["verbs", "apiGroups", "resources", "resourceNames"].some(
      (field) => fields[field] !== undefined && fields[field] !== null && !Array.isArray(fields[field]),
    );
    return {
      verbs: broken ? [] : (verbs ?? []),
      ...(apiGroups !== undefined && { apiGroups }),
      ...(resources !== undefined && { resources }),
      ...(resourceNames !== undefined && { resourceNames }),
      ...(nonResourceURLs !== undefined && { nonResourceURLs }),
    };
  });
}

/** A label selector of an aggregation rule. */
export function readSelector(value: unknown): {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: string[];
  }[];
} {
  const { matchLabels, matchExpressions } = fieldsOf(value);
  return {
    ...(matchLabels !== undefined && { matchLabels: stringsOf(matchLabels) }),
    ...(Array.isArray(matchExpressions) && { matchExpressions: matchExpressions as never }),
  };
}

/** undefined when it names no role. */
export function readRoleRef(value: unknown): RoleRef | undefined {
  const fields = fieldsOf(value);
  const [kind, name] = [textOf(fields["kind"]) ?? "", textOf(fields["name"]) ?? ""];
  if (kind === "" || name === "") return undefined;
  return { apiGroup: textOf(fields["apiGroup"]) ?? "rbac.authorization.k8s.io", kind, name };
}

/** @param home namespace of ServiceAccounts that name none */
export function readSubjects(value: unknown, home: string, wrong: Complain): readonly Subject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    wrong("subjects is not a list");
    return [];
  }
  return value.flatMap((item: unknown, index): readonly Subject[] => {
    const fields = fieldsOf(item);
    const [kind, name] = [textOf(fields["kind"]) ?? "", textOf(fields["name"]) ?? ""];
    if (name === "" || kind === "") {
      wrong(`subjects[${index}] has no kind or no name`);
      return [];
    }
    if (kind !== "ServiceAccount") return [{ kind, name }];
    const own = textOf(fields["namespace"]) ?? "";
    return [{ kind, name, namespace: own === "" ? home : own }];
  });
}
