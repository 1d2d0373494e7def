import { computeQosClass } from "../../pod-qos.ts";
import { secondsText } from "../../rfc3339.ts";
import type { KubernetesObject, LabelSelector, Pod, PodCondition, PodSpec, PodStatus } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import { changeEach, changeField } from "../fill.ts";
import { withAppArmorFields } from "./app-armor-annotations.ts";
import { dropDisabledFields } from "./disabled-fields.ts";

const SPREAD_MERGE_GATE = "MatchLabelKeysInPodTopologySpreadSelectorMerge";

type Labels = Readonly<Record<string, string>>;

/** Requirements that a selector gains from the pod's own labels. */
function withLabelKeys(
  selector: LabelSelector,
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
  labels: Labels,
): LabelSelector {
  const added = (keys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  return added.length === 0
    ? selector
    : { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}

type Affinity = NonNullable<PodSpec["affinity"]>;
type Term = NonNullable<NonNullable<Affinity["podAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]>[number];

function mergeTerm(term: Term, labels: Labels): Term {
  return changeField(term, "labelSelector", (selector) =>
    withLabelKeys(withLabelKeys(selector, term.matchLabelKeys, "In", labels), term.mismatchLabelKeys, "NotIn", labels),
  );
}

function mergeAffinity<T extends NonNullable<Affinity["podAffinity"]>>(affinity: T, labels: Labels): T {
  const preferred = changeEach<NonNullable<Affinity["podAffinity"]>, "preferredDuringSchedulingIgnoredDuringExecution">(
    affinity,
    "preferredDuringSchedulingIgnoredDuringExecution",
    (weighted) => changeField(weighted, "podAffinityTerm", (term) => mergeTerm(term, labels)),
  );
  return changeEach(preferred, "requiredDuringSchedulingIgnoredDuringExecution", (term) =>
    mergeTerm(term, labels),
  ) as T;
}

/** matchLabelKeys and mismatchLabelKeys become part of the selectors when a pod is created. */
function mergeLabelKeys(given: PodSpec, labels: Labels, context: KindContext): PodSpec {
  const spec = changeField(given, "affinity", (affinity) => {
    const together = changeField(affinity, "podAffinity", (podAffinity) => mergeAffinity(podAffinity, labels));
    return changeField(together, "podAntiAffinity", (antiAffinity) => mergeAffinity(antiAffinity, labels));
  });
  const isSpreadByKeys = spec.topologySpreadConstraints?.some((constraint) => constraint.matchLabelKeys !== undefined);
  if (isSpreadByKeys !== true || !context.gates.enabled(SPREAD_MERGE_GATE)) return spec;
  return changeEach(spec, "topologySpreadConstraints", (constraint) =>
    changeField(constraint, "labelSelector", (selector) =>
      withLabelKeys(selector, constraint.matchLabelKeys, "In", labels),
    ),
  );
}

function gatedCondition(now: number): PodCondition {
  return {
    type: "PodScheduled",
    status: "False",
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
    lastTransitionTime: secondsText(now),
  };
}

/** A new pod is pending, whatever status its creator sent; its QoS class is fixed now. */
export function preparePodForCreate(object: KubernetesObject, context: KindContext): KubernetesObject {
  const { metadata, spec: given } = object as Pod;
  if (given === undefined) return { ...object, status: { phase: "Pending", qosClass: "BestEffort" } };
  const kept = dropDisabledFields(given, undefined, context.gates);
  const merged = mergeLabelKeys(kept, metadata?.labels ?? {}, context);
  const spec = withAppArmorFields(merged, metadata?.annotations ?? {});
  const status: PodStatus = {
    phase: "Pending",
    qosClass: computeQosClass(spec),
    ...((spec.schedulingGates ?? []).length > 0 && { conditions: [gatedCondition(context.now)] }),
  };
  return { ...object, spec, status };
}

export function preparePodForUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  context: KindContext,
): KubernetesObject {
  const { spec } = object as Pod;
  if (spec === undefined) return object;
  return { ...object, spec: dropDisabledFields(spec, (old as Pod).spec, context.gates) };
}

/** What a kubelet of another version leaves out of a condition or status stays as it was. */
function keptConditions(conditions: readonly PodCondition[], old: readonly PodCondition[]): readonly PodCondition[] {
  const left = [...old];
  return conditions.map((condition) => {
    const index = left.findIndex(({ type }) => type === condition.type);
    const [before] = index === -1 ? [] : left.splice(index, 1);
    if (condition.observedGeneration !== undefined || before?.observedGeneration === undefined) return condition;
    return { ...condition, observedGeneration: before.observedGeneration };
  });
}

/** podIP is the first of podIPs. */
function withAddresses(status: PodStatus): PodStatus {
  const first = status.podIP ?? status.podIPs?.[0]?.ip;
  if (first === undefined || first === "") return status;
  const isSame = status.podIPs?.[0]?.ip === first;
  return { ...status, podIP: first, podIPs: isSame ? (status.podIPs ?? []) : [{ ip: first }] };
}

export function preparePodStatusForUpdate(object: KubernetesObject, old: KubernetesObject): KubernetesObject {
  const status = withAddresses((object as Pod).status ?? {});
  const before = (old as Pod).status ?? {};
  return {
    ...object,
    status: {
      ...(before.qosClass !== undefined && { qosClass: before.qosClass }),
      ...(before.observedGeneration !== undefined && { observedGeneration: before.observedGeneration }),
      ...status,
      ...(status.conditions !== undefined && {
        conditions: keptConditions(status.conditions, before.conditions ?? []),
      }),
    },
  };
}
