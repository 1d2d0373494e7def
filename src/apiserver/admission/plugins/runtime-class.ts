import { deepEqual } from "../../../api/schema/normalize.ts";
import { StatusError } from "../../../api/status-error.ts";
import type { KubernetesObject, Pod, RuntimeClass, Toleration } from "../../../api/types.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { isFor, refused } from "../request-kind.ts";

/** Takes overhead and placement of a pod from its RuntimeClass. */
export function runtimeClass(): AdmissionPlugin {
  return {
    name: "RuntimeClass",
    async mutate(request, objects): Promise<KubernetesObject> {
      const object = request.object ?? {};
      if (!isFor(request, "pods", "create")) return object;
      const found = await classOf(request, objects);
      if (found === undefined) return object;
      return withScheduling(request, withOverhead(request, object, found), found);
    },
    async validate(request, objects) {
      if (!isFor(request, "pods", "create")) return undefined;
      const wanted = (await classOf(request, objects))?.overhead?.podFixed;
      const { spec } = request.object as Pod;
      if (wanted !== undefined && !deepEqual(wanted, spec?.overhead ?? {})) {
        throw refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      }
      if (wanted === undefined && spec?.overhead !== undefined) {
        throw refused(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
      }
      return undefined;
    },
  };
}

async function classOf(request: AdmissionRequest, objects: Objects): Promise<RuntimeClass | undefined> {
  const name = (request.object as Pod).spec?.runtimeClassName;
  if (name === undefined) return undefined;
  try {
    return (await objects.get("runtimeclasses.node.k8s.io", "", name)) as unknown as RuntimeClass;
  } catch (reason) {
    if (!(reason instanceof StatusError) || reason.reason !== "NotFound") throw reason;
    throw refused(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  }
}

function withOverhead(
  request: AdmissionRequest,
  object: KubernetesObject,
  { overhead }: RuntimeClass,
): KubernetesObject {
  if (overhead === undefined) return object;
  const { spec } = object as Pod;
  const fixed = overhead.podFixed ?? {};
  const given = spec?.overhead ?? {};
  if (Object.keys(given).length > 0 && !deepEqual(given, fixed)) {
    throw refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  }
  return { ...object, spec: { ...spec, overhead: fixed } };
}

function withScheduling(
  request: AdmissionRequest,
  object: KubernetesObject,
  { scheduling }: RuntimeClass,
): KubernetesObject {
  if (scheduling === undefined) return object;
  const { spec } = object as Pod;
  const wanted = scheduling.nodeSelector ?? {};
  for (const [key, value] of Object.entries(wanted)) {
    const given = spec?.nodeSelector?.[key];
    if (given !== undefined && given !== value) {
      const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${given}`;
      throw refused(request, why);
    }
  }
  const nodeSelector = { ...spec?.nodeSelector, ...wanted };
  const tolerations = withTolerations(spec?.tolerations ?? [], scheduling.tolerations ?? []);
  return {
    ...object,
    spec: {
      ...spec,
      ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
      ...(tolerations.length > 0 && { tolerations }),
    },
  };
}

function withTolerations(given: readonly Toleration[], added: readonly Toleration[]): readonly Toleration[] {
  return [...given, ...added.filter((toleration) => !given.some((each) => deepEqual(each, toleration)))];
}
