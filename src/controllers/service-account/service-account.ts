import { hasReason } from "../../machinery/answer-error.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { NAMESPACES, SERVICE_ACCOUNTS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { isActive, isNamespaceGoing } from "../namespaces.ts";

const NAME = "default";

/** Makes sure that each namespace has its ServiceAccount "default". */
export function createServiceAccountController(deps: ControllerDeps): Unit {
  const { client, informers } = deps;
  const namespaces = informers.of(NAMESPACES);
  const accounts = informers.of(SERVICE_ACCOUNTS);
  const loop = createReconcileLoop(deps, {
    name: "serviceaccount-controller",
    async reconcile(namespace, signal) {
      if (!isActive(namespaces.reader.get(namespace))) return "await-change";
      if (accounts.reader.get(`${namespace}/${NAME}`) !== undefined) return "await-change";
      await client
        .create(SERVICE_ACCOUNTS, { metadata: { namespace, name: NAME } }, signal)
        .catch((reason: unknown) => {
          if (!hasReason(reason, "AlreadyExists") && !isNamespaceGoing(reason)) throw reason;
        });
      return "await-change";
    },
  });
  namespaces.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  accounts.onChange(({ type, object }) => {
    if (type === "deleted") loop.enqueue(object.metadata?.namespace ?? "");
  });
  return loop;
}
