import type { KubernetesObject, Pod, Toleration } from "../../../api/types.ts";
import type { AdmissionPlugin } from "../../extension.ts";
import { isFor } from "../request-kind.ts";

const DEFAULT_SECONDS = 300;
const TAINTS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** Pods stay five minutes on a node that is not ready or not reachable, unless they say something else. */
export function defaultTolerationSeconds(): AdmissionPlugin {
  return {
    name: "DefaultTolerationSeconds",
    mutate(request): KubernetesObject {
      const object = request.object ?? {};
      if (!isFor(request, "pods", "create", "update")) return object;
      const { spec } = object as Pod;
      const tolerations = spec?.tolerations ?? [];
      const missing = TAINTS.filter((taint) => !tolerations.some((toleration) => speaksOf(toleration, taint)));
      if (missing.length === 0) return object;
      const added = missing.map(
        (key): Toleration => ({
          key,
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: DEFAULT_SECONDS,
        }),
      );
      return { ...object, spec: { ...spec, tolerations: [...tolerations, ...added] } };
    },
  };
}

function speaksOf({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === taint || key === "") && (effect === "NoExecute" || effect === "");
}
