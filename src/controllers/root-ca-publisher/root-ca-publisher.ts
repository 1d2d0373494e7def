import { hasReason } from "../../machinery/answer-error.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { CONFIG_MAPS, NAMESPACES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { ControllerDeps } from "../controller.ts";
import { isActive, isNamespaceGoing } from "../namespaces.ts";

export interface RootCaPublisherOptions {
  /** PEM of the authorities that clients inside pods should trust for the API server. */
  readonly rootCa: string;
}

const NAME = "kube-root-ca.crt";
const DESCRIPTION = "kubernetes.io/description";
const DESCRIPTION_TEXT =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. " +
  "No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Keeps the config map kube-root-ca.crt, which projected ServiceAccount volumes read, right in each namespace. */
export function createRootCaPublisherController(deps: ControllerDeps, options: RootCaPublisherOptions): Unit {
  const { client, informers } = deps;
  const { rootCa } = options;
  const namespaces = informers.of(NAMESPACES);
  const configMaps = informers.of(CONFIG_MAPS);
  const data = { "ca.crt": rootCa };
  const loop = createReconcileLoop(deps, {
    name: "root-ca-certificate-publisher-controller",
    async reconcile(namespace, signal) {
      if (!isActive(namespaces.reader.get(namespace))) return "await-change";
      const current = configMaps.reader.get(`${namespace}/${NAME}`);
      const annotations = { ...current?.metadata?.annotations, [DESCRIPTION]: DESCRIPTION_TEXT };
      if (current === undefined) {
        const wanted = { metadata: { namespace, name: NAME, annotations }, data };
        await client.create(CONFIG_MAPS, wanted, signal).catch((reason: unknown) => {
          if (!hasReason(reason, "AlreadyExists") && !isNamespaceGoing(reason)) throw reason;
        });
      } else if (
        JSON.stringify(current.data) !== JSON.stringify(data) ||
        !current.metadata?.annotations?.[DESCRIPTION]
      ) {
        const { binaryData: _, ...rest } = current;
        await client.update(CONFIG_MAPS, { ...rest, metadata: { ...current.metadata, annotations }, data }, signal);
      }
      return "await-change";
    },
  });
  namespaces.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  configMaps.onChange(({ object }) => {
    if (object.metadata?.name === NAME) loop.enqueue(object.metadata.namespace ?? "");
  });
  return loop;
}
