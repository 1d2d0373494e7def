import { invalidFor } from "../../api/field-error.ts";
import type { KindContext, KindDefinition } from "../../api/kinds/definition.ts";
import { pathSegmentProblems } from "../../api/names.ts";
import { validateObjectMeta } from "../../api/object-meta.ts";
import { normalize } from "../../api/schema/normalize.ts";
import { invalid } from "../../api/status-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import type { Random } from "../../ports/random.ts";
import type { AdmissionRequest } from "../extension.ts";
import { generateName } from "./generate-name.ts";
import type { WriteContext } from "./write-context.ts";
import { createMetadata, typeOf } from "./system-metadata.ts";
import { timestamp } from "./timestamp.ts";

export interface CreateDeps {
  readonly random: Random;
  readonly kindContext: () => KindContext;
}

/** Everything of a create up to the write: system fields, defaults, admission, validation. Throws StatusError. */
export async function readyForCreate(
  { random, kindContext }: CreateDeps,
  kind: KindDefinition,
  namespace: string,
  object: KubernetesObject,
  context: WriteContext,
): Promise<KubernetesObject> {
  const name = object.metadata?.name ?? generateName(object.metadata?.generateName ?? "", random);
  const metadata = createMetadata(object.metadata ?? {}, {
    name,
    namespace: kind.namespaced ? namespace : "",
    uid: random.uuid(),
    creationTimestamp: timestamp(kindContext().now),
    generation: kind.hasGeneration ? 1 : undefined,
  });
  let next = kind.applyDefaults({ ...object, ...typeOf(kind), metadata });
  const request: Omit<AdmissionRequest, "object"> = {
    operation: "create",
    kind,
    subresource: "",
    namespace: kind.resource === "namespaces" && kind.group === "" ? name : namespace,
    name,
    user: context.user,
    dryRun: context.dryRun,
    ...(context.annotate !== undefined && { annotate: context.annotate }),
  };
  if (context.admission !== undefined) {
    const mutated = await context.admission.mutate({ ...request, object: next });
    if (mutated !== next) next = kind.applyDefaults(mutated);
  }
  next = normalize(kind.schema, kind.prepareForCreate(next, kindContext()));
  const problems = [
    ...validateObjectMeta(next.metadata, kind),
    ...pathProblems(next.metadata?.name ?? "", kind),
    ...kind.validateCreate(next, kindContext()),
  ];
  if (problems.length > 0) throw invalid(kind, next.metadata?.name ?? "", problems);
  for (const text of kind.warnings(next, kindContext())) context.warn(text);
  await context.admission?.validate({ ...request, object: next }, context.warn);
  return next;
}

/** Every name must be able to stand in a URL, whatever the kind's own rule says. */
function pathProblems(name: string, { validateName }: KindDefinition): readonly FieldError[] {
  const own = new Set(validateName(name));
  return invalidFor(
    "metadata.name",
    name,
    pathSegmentProblems(name).filter((problem) => !own.has(problem)),
  );
}
