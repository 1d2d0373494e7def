import { type FieldRequirement, parseFieldSelector } from "../../api/field-selector.ts";
import { parseLabelSelector, SelectorError } from "../../api/label-selector.ts";
import type { SubjectAccessReview } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Attributes } from "../../core/authz/attributes.ts";

type Spec = SubjectAccessReview["spec"];
type ReviewedResource = NonNullable<Spec["resourceAttributes"]>;

/** What is asked, and what of it could not be understood. */
export interface ReviewedRequest {
  readonly attributes: Attributes;
  readonly problems: readonly string[];
}

export function userOf(spec: Spec): User {
  return {
    name: spec.user ?? "",
    ...(spec.uid !== undefined && spec.uid !== "" && { uid: spec.uid }),
    groups: spec.groups ?? [],
    extra: spec.extra ?? {},
  };
}

/** Exactly one of the two kinds of attributes is there (see access-review-validation.ts). */
export function reviewedRequest(
  user: User,
  spec: Pick<Spec, "resourceAttributes" | "nonResourceAttributes">,
): ReviewedRequest {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource === undefined) {
    return {
      attributes: { type: "non-resource", user, verb: path?.verb ?? "", path: path?.path ?? "" },
      problems: [],
    };
  }
  const selector = fieldRequirements(resource);
  const labels = labelProblem(resource);
  return {
    attributes: {
      type: "resource",
      user,
      verb: resource.verb ?? "",
      group: resource.group ?? "",
      version: resource.version === undefined || resource.version === "" ? "*" : resource.version,
      resource: resource.resource ?? "",
      subresource: resource.subresource ?? "",
      namespace: resource.namespace ?? "",
      name: resource.name ?? "",
      ...(selector.requirements.length > 0 && { fieldSelector: selector.requirements }),
    },
    problems: [...selector.problems, ...labels],
  };
}

function ignored(which: string, partly: boolean): string {
  return `spec.resourceAttributes.${which} ${partly ? "partially " : ""}ignored due to parse error`;
}

interface FieldSelection {
  readonly requirements: readonly FieldRequirement[];
  readonly problems: readonly string[];
}

/** A part that is not understood is left out: the question then is about more objects, never about fewer. */
function fieldRequirements({ fieldSelector }: ReviewedResource): FieldSelection {
  const raw = fieldSelector?.rawSelector ?? "";
  if (raw !== "") {
    try {
      return { requirements: parseFieldSelector(raw), problems: [] };
    } catch (reason) {
      if (!(reason instanceof SelectorError)) throw reason;
      return { requirements: [], problems: [ignored("fieldSelector", false)] };
    }
  }
  const asked = fieldSelector?.requirements ?? [];
  const requirements = asked.flatMap(({ key, operator, values = [] }): readonly FieldRequirement[] => {
    const [value] = values;
    if (values.length !== 1 || value === undefined) return [];
    if (operator === "In") return [{ field: key, operator: "=", value }];
    return operator === "NotIn" ? [{ field: key, operator: "!=", value }] : [];
  });
  const lost = requirements.length < asked.length;
  return { requirements, problems: lost ? [ignored("fieldSelector", requirements.length > 0)] : [] };
}

/** Label selectors decide nothing here, but whoever sends one that can not be read is told so. */
function labelProblem({ labelSelector }: ReviewedResource): readonly string[] {
  const raw = labelSelector?.rawSelector ?? "";
  if (raw === "") return [];
  try {
    parseLabelSelector(raw);
    return [];
  } catch (reason) {
    if (!(reason instanceof SelectorError)) throw reason;
    return [ignored("labelSelector", false)];
  }
}
