import type { KubernetesObject, Node } from "../../../api/types.ts";
import type { AdmissionPlugin } from "../../extension.ts";
import { isFor } from "../request-kind.ts";

const NOT_READY = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" } as const;

/** A new node takes no pods until somebody has seen that it is ready. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: "TaintNodesByCondition",
    mutate(request): KubernetesObject {
      const object = request.object ?? {};
      if (!isFor(request, "nodes", "create")) return object;
      const { spec } = object as Node;
      const taints = spec?.taints ?? [];
      if (taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect)) return object;
      return { ...object, spec: { ...spec, taints: [...taints, NOT_READY] } };
    },
  };
}
