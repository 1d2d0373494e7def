import { labelValueProblems } from "../names.ts";
import type { LabelSelector, PodSpec, Unchecked } from "../types.ts";

const MESSAGES: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "app.kubernetes.io/created-by": "deprecated since v1.9",
  "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
};

const NEW_NAMES: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

/** What a label of nodes is called since it is no longer beta. */
export function newNameOfLabel(key: string): string | undefined {
  return Object.hasOwn(NEW_NAMES, key) ? NEW_NAMES[key] : undefined;
}

/** What to say about a label of nodes that went out of use. */
export function deprecatedLabelMessage(key: string): string | undefined {
  return Object.hasOwn(MESSAGES, key) ? MESSAGES[key] : undefined;
}

/** Warnings about the keys of a map of labels, as `<field of the key>: <message>`. */
export function labelMapWarnings(
  labels: Readonly<Record<string, unknown>> | undefined,
  fieldOf: (key: string) => string,
): readonly string[] {
  return Object.keys(labels ?? {}).flatMap((key) => {
    const message = deprecatedLabelMessage(key);
    return message === undefined ? [] : [`${fieldOf(key)}: ${message}`];
  });
}

/** Warning about one key, as `<field>: <key> is <message>`. */
export function labelKeyWarnings(key: string | undefined, field: string): readonly string[] {
  const message = deprecatedLabelMessage(key ?? "");
  return message === undefined ? [] : [`${field}: ${key ?? ""} is ${message}`];
}

type NodeAffinity = NonNullable<NonNullable<PodSpec["affinity"]>["nodeAffinity"]>;
type Selector = NonNullable<NodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>;
type Term = Unchecked<Selector["nodeSelectorTerms"][number]>;

/** @param checksValues also warn about values that no label can have */
export function nodeSelectorTermWarnings(
  term: Term | undefined,
  checksValues: boolean,
  field: string,
): readonly string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key, values = [] }, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    const wrong = (values as readonly string[]).flatMap((value, j) =>
      labelValueProblems(value).map((problem) => `${at}.values[${j}]: ${value} is invalid, ${problem}`),
    );
    return [...labelKeyWarnings(key, `${at}.key`), ...(checksValues ? wrong : [])];
  });
}

export function labelSelectorWarnings(
  selector: Unchecked<LabelSelector> | undefined,
  field: string,
): readonly string[] {
  const expressions = selector?.matchExpressions ?? [];
  return [
    ...expressions.flatMap(({ key }, i) => labelKeyWarnings(key, `${field}.matchExpressions[${i}].key`)),
    ...labelMapWarnings(selector?.matchLabels, (key) => `${field}.matchLabels.${key}`),
  ];
}
