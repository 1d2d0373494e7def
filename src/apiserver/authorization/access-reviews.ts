import { messageOf } from "../../lib/orlop-error.ts";
import { badRequest, type FieldError, invalid } from "../../api/status-error.ts";
import type {
  KubernetesObject,
  LocalSubjectAccessReview,
  PolicyRule,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from "../../api/types.ts";
import type { Attributes, Authorizer } from "../../core/authz/attributes.ts";
import { nodeIdentity } from "../../core/authz/node-identity.ts";
import { joinedProblems } from "../../core/authz/quoted.ts";
import type { RbacIndex } from "../../core/authz/rbac-index.ts";
import type { VirtualResource } from "../extension.ts";
import {
  validateLocalSubjectAccessReview,
  validateSelfSubjectAccessReview,
  validateSubjectAccessReview,
} from "./access-review-validation.ts";
import { reviewedRequest, type ReviewedRequest, userOf } from "./review-attributes.ts";

const GROUP = "authorization.k8s.io";

export interface AccessReviewDeps {
  /** The same one that guards the server, so that an answer here is the answer there. */
  readonly authorize: Authorizer;
  readonly rbac: () => RbacIndex;
}

type ReviewStatus = NonNullable<SubjectAccessReview["status"]>;

function definition(kind: string, namespaced: boolean): VirtualResource["definition"] {
  const singular = kind.toLowerCase();
  return { group: GROUP, version: "v1", kind, resource: `${singular}s`, singular, namespaced, schema: `V1${kind}` };
}

function refuseInvalid(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: GROUP, kind }, "", errors);
}

async function decide(
  authorize: Authorizer,
  { attributes, problems }: ReviewedRequest,
  signal: AbortSignal,
): Promise<ReviewStatus> {
  let status: ReviewStatus;
  const texts = [...problems];
  try {
    const { decision, reason } = await authorize(attributes, signal);
    status = {
      allowed: decision === "allow",
      ...(decision === "deny" && { denied: true }),
      ...(reason !== "" && { reason }),
    };
  } catch (failure) {
    texts.unshift(messageOf(failure));
    status = { allowed: false };
  }
  return texts.length === 0 ? status : { ...status, evaluationError: texts.join("; ") };
}

function isResourceRule(rule: PolicyRule): boolean {
  return (rule.resources ?? []).length > 0;
}

/** The four kinds by which callers ask what they or others may do. */
export function accessReviews({ authorize, rbac }: AccessReviewDeps): readonly VirtualResource[] {
  const answered = async (
    object: KubernetesObject,
    attributes: ReviewedRequest,
    signal: AbortSignal,
  ): Promise<KubernetesObject> => ({ ...object, status: await decide(authorize, attributes, signal) });

  return [
    {
      definition: definition("SubjectAccessReview", false),
      async create(object, { signal }) {
        const review = object as unknown as SubjectAccessReview;
        refuseInvalid("SubjectAccessReview", validateSubjectAccessReview(review));
        return await answered(object, reviewedRequest(userOf(review.spec), review.spec), signal);
      },
    },
    {
      definition: definition("LocalSubjectAccessReview", true),
      async create(object, { signal }) {
        const review = object as unknown as LocalSubjectAccessReview;
        refuseInvalid("LocalSubjectAccessReview", validateLocalSubjectAccessReview(review));
        return await answered(object, reviewedRequest(userOf(review.spec), review.spec), signal);
      },
    },
    {
      definition: definition("SelfSubjectAccessReview", false),
      async create(object, { user, signal }) {
        const review = object as unknown as SelfSubjectAccessReview;
        refuseInvalid("SelfSubjectAccessReview", validateSelfSubjectAccessReview(review));
        return await answered(object, reviewedRequest(user, review.spec), signal);
      },
    },
    {
      definition: definition("SelfSubjectRulesReview", false),
      async create(object, { user }) {
        const namespace = (object as unknown as SelfSubjectRulesReview).spec.namespace ?? "";
        if (namespace === "") throw badRequest("no namespace on request");
        return { ...object, metadata: {}, spec: {}, status: rulesStatus(rbac(), user, namespace) };
      },
    },
  ];
}

function rulesStatus(
  index: RbacIndex,
  user: Attributes["user"],
  namespace: string,
): NonNullable<SelfSubjectRulesReview["status"]> {
  const { rules, problems } = index.rulesFor(user, namespace);
  const isNode = nodeIdentity(user) !== undefined;
  const errors = [
    ...(isNode ? ["node authorizer does not support user rule resolution"] : []),
    ...(problems.length > 0 ? [joinedProblems(problems)] : []),
  ];
  return {
    resourceRules: rules.filter(isResourceRule).map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      ...(apiGroups !== undefined && { apiGroups }),
      ...(resources !== undefined && { resources }),
      ...(resourceNames !== undefined && { resourceNames }),
    })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => (nonResourceURLs ?? []).length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, ...(nonResourceURLs !== undefined && { nonResourceURLs }) })),
    incomplete: isNode,
    ...(errors.length > 0 && { evaluationError: joinedProblems(errors) }),
  };
}
