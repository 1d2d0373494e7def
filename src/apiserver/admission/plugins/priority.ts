import type { KubernetesObject, Pod, PriorityClass } from "../../../api/types.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { isFor, refused } from "../request-kind.ts";

const CLASSES = "priorityclasses.scheduling.k8s.io";

/** Gives pods the number behind their priorityClassName. Nobody else may set it. */
export function priority(): AdmissionPlugin {
  return {
    name: "Priority",
    mutate(request, objects): KubernetesObject {
      const object = request.object ?? {};
      if (isFor(request, "pods", "create")) return withPriority(request, object, objects);
      return isFor(request, "pods", "update") ? keepingPriority(object, request.old as Pod) : object;
    },
    validate(request, objects) {
      if (!isFor(request, CLASSES, "create", "update")) return undefined;
      const { globalDefault, metadata } = request.object as unknown as PriorityClass;
      if (globalDefault !== true) return undefined;
      const other = defaultClass(objects)?.metadata?.name;
      if (other !== undefined && (request.operation === "create" || other !== metadata?.name)) {
        throw refused(request, `PriorityClass ${other} is already marked as default. Only one default can exist`);
      }
      return undefined;
    },
  };
}

function withPriority(request: AdmissionRequest, object: KubernetesObject, objects: Objects): KubernetesObject {
  const { spec } = object as Pod;
  const name = spec?.priorityClassName ?? "";
  const chosen = name === "" ? defaultClass(objects) : classes(objects).find(({ metadata }) => metadata?.name === name);
  if (name !== "" && chosen === undefined) throw refused(request, `no PriorityClass with name ${name} was found`);
  const value = chosen?.value ?? 0;
  const policy = chosen === undefined ? "PreemptLowerPriority" : chosen.preemptionPolicy;
  if (spec?.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw refused(request, why);
  }
  if (policy !== undefined && spec?.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
    throw refused(request, why);
  }
  const className = chosen?.metadata?.name;
  return {
    ...object,
    spec: {
      ...spec,
      ...(className !== undefined && { priorityClassName: className }),
      priority: value,
      ...(policy !== undefined && { preemptionPolicy: policy }),
    },
  };
}

/** What was computed at create stays, for clients that leave it out. */
function keepingPriority(object: KubernetesObject, old: Pod): KubernetesObject {
  const { spec } = object as Pod;
  const number = spec?.priority ?? old.spec?.priority;
  const policy = spec?.preemptionPolicy ?? old.spec?.preemptionPolicy;
  if (number === spec?.priority && policy === spec?.preemptionPolicy) return object;
  return {
    ...object,
    spec: {
      ...spec,
      ...(number !== undefined && { priority: number }),
      ...(policy !== undefined && { preemptionPolicy: policy }),
    },
  };
}

/** The lowest one, should there be several. */
function defaultClass(objects: Objects): PriorityClass | undefined {
  return classes(objects)
    .filter(({ globalDefault }) => globalDefault === true)
    .sort((left, right) => (left.value ?? 0) - (right.value ?? 0))[0];
}

function classes(objects: Objects): readonly PriorityClass[] {
  return objects.list(CLASSES, "") as readonly unknown[] as readonly PriorityClass[];
}
