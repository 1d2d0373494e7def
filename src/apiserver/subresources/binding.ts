import { invalidValue, notSupported, required } from "../../api/field-error.ts";
import { badRequest, conflict, invalid, methodNotAllowed } from "../../api/status-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { KindDefinition } from "../../api/kinds/definition.ts";
import type { KubernetesObject, ObjectMeta, Pod, PodCondition, Status } from "../../api/types.ts";
import { answer, success } from "../encoding/answer.ts";
import { mediaTypeOf, readText } from "../encoding/body.ts";
import { decodeObject } from "../encoding/decode-object.ts";
import { negotiate } from "../encoding/negotiation.ts";
import type { RequestContext, Subresource, VirtualResource } from "../extension.ts";
import type { Aspect } from "../resources/aspects.ts";
import type { WriteContext } from "../resources/write-context.ts";
import { timestamp } from "../resources/timestamp.ts";
import type { RestDeps } from "../rest/request-scope.ts";
import { parseWriteOptions } from "../rest/write-options.ts";

interface Binding {
  readonly metadata?: ObjectMeta;
  readonly target: { readonly kind?: string; readonly name?: string };
}

const BINDING = { group: "", version: "v1", kind: "Binding", schema: "V1Binding" } as const;
const PODS_BINDING = { group: "", resource: "pods/binding" };

/** POST …/pods/NAME/binding: a scheduler says on which node a pod runs. */
export function createPodBinding(deps: RestDeps, pods: KindDefinition): Subresource {
  return {
    group: "",
    version: "v1",
    resource: "pods",
    subresource: "binding",
    namespaced: true,
    kind: BINDING,
    verbs: ["create"],
    async handle(context) {
      const { request, info } = context;
      if (info.verb !== "create") throw methodNotAllowed();
      const format = negotiate(request, { transforms: [], stream: false });
      const { dryRun, fieldValidation } = parseWriteOptions(request.query, "CreateOptions");
      const binding = decodeObject(
        BINDING,
        await readText(request),
        mediaTypeOf(request),
        fieldValidation,
        () => undefined,
      );
      if ((binding.metadata?.name ?? info.name) !== info.name) {
        throw badRequest("name in URL does not match name in Binding object");
      }
      return answer(201, await bind(deps, pods, context, info.name, binding, dryRun), format);
    },
  };
}

/** POST …/bindings, the same by the name inside the object. */
export function createBindings(deps: RestDeps, pods: KindDefinition): VirtualResource {
  return {
    definition: { ...BINDING, resource: "bindings", singular: "binding", namespaced: true },
    create: async (object, context): Promise<KubernetesObject> => {
      const { dryRun } = parseWriteOptions(context.request.query, "CreateOptions");
      return { ...(await bind(deps, pods, context, object.metadata?.name ?? "", object, dryRun)) };
    },
  };
}

async function bind(
  deps: RestDeps,
  pods: KindDefinition,
  { user, info }: RequestContext,
  name: string,
  object: KubernetesObject,
  dryRun: boolean,
): Promise<Status> {
  const binding = object as unknown as Binding;
  const problems = bindingProblems(binding);
  if (problems.length > 0) throw invalid(BINDING, name, problems);
  const request = {
    operation: "create",
    kind: pods,
    subresource: "binding",
    namespace: info.namespace,
    name,
    user,
    dryRun,
    object,
  } as const;
  await deps.admission.validate(request, () => undefined);
  const context: WriteContext = { user, dryRun, warn: () => undefined };
  const change = {
    aspect: BIND,
    apply: (current: KubernetesObject | undefined): KubernetesObject =>
      assigned((current ?? {}) as Pod, name, binding, timestamp(deps.clock.now())) as KubernetesObject,
  };
  await deps.registry.update(pods, info.namespace, name, change, context);
  return { ...success(undefined), code: 201 };
}

/** The pod was validated when it was made; which node it gets is what only a binding may say. */
const BIND: Aspect = {
  subresource: "binding",
  countsGeneration: false,
  merge: (_kind, sent) => sent,
  prepare: (_kind, object) => object,
  validate: () => [],
};

function bindingProblems({ target }: Binding): readonly FieldError[] {
  const kind = target.kind ?? "";
  return [
    ...(["", "Node", "Minion"].includes(kind) ? [] : [notSupported("target.kind", kind, ["Node", "<empty>"])]),
    ...((target.name ?? "") === "" ? [required("target.name")] : []),
    ...((target.name ?? "").includes("/") ? [invalidValue("target.name", target.name, "may not contain '/'")] : []),
  ];
}

/** The pod on its node. Throws StatusError Conflict when it can not go there. */
function assigned(pod: Pod, name: string, binding: Binding, now: string): Pod {
  const { uid, resourceVersion } = binding.metadata ?? {};
  const refuse = (why: string): Error => conflict(PODS_BINDING, name, why);
  if (uid !== undefined && uid !== pod.metadata?.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid ?? ""}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== pod.metadata?.resourceVersion) {
    throw refuse(
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata?.resourceVersion ?? ""}`,
    );
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  const node = pod.spec?.nodeName ?? "";
  if (node !== "") throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(node)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  return {
    ...pod,
    metadata: withAnnotations(pod.metadata ?? {}, binding.metadata?.annotations),
    spec: { ...pod.spec, nodeName: binding.target.name ?? "", containers: pod.spec?.containers ?? [] },
    status: { ...pod.status, conditions: withScheduled(pod.status?.conditions ?? [], now) },
  };
}

function withAnnotations(metadata: ObjectMeta, added: ObjectMeta["annotations"]): ObjectMeta {
  return added === undefined ? metadata : { ...metadata, annotations: { ...metadata.annotations, ...added } };
}

function withScheduled(conditions: readonly PodCondition[], now: string): readonly PodCondition[] {
  const old = conditions.find(({ type }) => type === "PodScheduled");
  const since = old?.status === "True" ? old.lastTransitionTime : now;
  const scheduled: PodCondition = {
    type: "PodScheduled",
    status: "True",
    ...(since !== undefined && { lastTransitionTime: since }),
  };
  return [...conditions.filter((condition) => condition !== old), scheduled];
}
