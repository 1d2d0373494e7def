import { forbidden, StatusError } from "../../../api/status-error.ts";
import type { Namespace } from "../../../api/types.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { qualifiedName } from "../../resources/kind-policies.ts";
import { refused } from "../request-kind.ts";

const IMMORTAL: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** Nothing new in a namespace that is not there or is going away; some namespaces stay for ever. */
export function namespaceLifecycle(): AdmissionPlugin {
  return {
    name: "NamespaceLifecycle",
    async mutate(request, objects) {
      await checkNamespace(request, objects);
      if (request.object === undefined) throw new TypeError("an object is created or updated");
      return request.object;
    },
    validate(request) {
      const isNamespace = qualifiedName(request.kind) === "namespaces";
      if (isNamespace && request.operation === "delete" && IMMORTAL.has(request.name)) {
        throw forbidden(request.kind, request.name, "this namespace may not be deleted");
      }
      return undefined;
    },
  };
}

async function checkNamespace(request: AdmissionRequest, objects: Objects): Promise<void> {
  const { operation, kind, namespace } = request;
  if (namespace === "" || qualifiedName(kind) === "namespaces" || operation === "delete") return;
  // Throws NotFound for a namespace that does not exist.
  const found = (await objects.get("namespaces", "", namespace)) as Namespace;
  if (operation !== "create" || found.status?.phase !== "Terminating") return;
  const { status } = refused(
    request,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  throw new StatusError({
    ...status,
    details: {
      ...status.details,
      causes: [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    },
  });
}
