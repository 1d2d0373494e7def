import type { KindDefinition } from "../../api/kinds/definition.ts";
import { badRequest, methodNotAllowed } from "../../api/status-error.ts";
import { answer, success } from "../encoding/answer.ts";
import { mediaTypeOf, readText } from "../encoding/body.ts";
import { decodeObject } from "../encoding/decode-object.ts";
import { negotiate } from "../encoding/negotiation.ts";
import type { Subresource } from "../extension.ts";
import type { DeleteOptions } from "../resources/deletion.ts";
import type { RestDeps } from "../rest/request-scope.ts";
import { parseWriteOptions } from "../rest/write-options.ts";

const EVICTION = { group: "policy", version: "v1", kind: "Eviction", schema: "V1Eviction" } as const;

interface Eviction {
  readonly deleteOptions?: DeleteOptions & { readonly dryRun?: readonly string[] };
}

/** POST …/pods/NAME/eviction: a polite delete. Disruption budgets are not looked at: nothing counts disruptions here. */
export function createPodEviction(deps: RestDeps, pods: KindDefinition): Subresource {
  return {
    group: "",
    version: "v1",
    resource: "pods",
    subresource: "eviction",
    namespaced: true,
    kind: EVICTION,
    verbs: ["create"],
    async handle({ request, info, user }) {
      if (info.verb !== "create") throw methodNotAllowed();
      const format = negotiate(request, { transforms: [], stream: false });
      const { dryRun, fieldValidation } = parseWriteOptions(request.query, "CreateOptions");
      const text = await readText(request);
      const eviction = decodeObject(EVICTION, text, mediaTypeOf(request), fieldValidation, () => undefined);
      if ((eviction.metadata?.name ?? info.name) !== info.name) {
        throw badRequest("name in URL does not match name in Eviction object");
      }
      const { deleteOptions } = eviction as unknown as Eviction;
      const options: DeleteOptions = {
        ...(deleteOptions?.gracePeriodSeconds !== undefined && {
          gracePeriodSeconds: deleteOptions.gracePeriodSeconds,
        }),
        ...(deleteOptions?.propagationPolicy !== undefined && { propagationPolicy: deleteOptions.propagationPolicy }),
        ...(deleteOptions?.preconditions !== undefined && { preconditions: deleteOptions.preconditions }),
      };
      const dry = dryRun || (deleteOptions?.dryRun ?? []).includes("All");
      const context = { user, dryRun: dry, admission: deps.admission, warn: () => undefined };
      await deps.registry.delete(pods, info.namespace, info.name, options, context);
      return answer(201, { ...success(undefined), code: 201 }, format);
    },
  };
}
