import type { CertificateSigningRequest, KubernetesObject } from "../../api/types.ts";
import type { Aspect } from "../resources/aspects.ts";
import { timestamp } from "../resources/timestamp.ts";

type RequestStatus = NonNullable<CertificateSigningRequest["status"]>;
type RequestCondition = NonNullable<RequestStatus["conditions"]>[number];

/** certificatesigningrequests/approval: the conditions, nothing else. */
export const REQUEST_APPROVAL: Aspect = {
  subresource: "approval",
  countsGeneration: false,
  merge(_kind, sent, old) {
    const { conditions } = statusOf(sent);
    const { conditions: _, ...rest } = statusOf(old);
    return {
      ...old,
      metadata: sent.metadata ?? {},
      status: { ...rest, ...(conditions !== undefined && { conditions }) },
    };
  },
  prepare: (_kind, object, old, { now }) => withTimes(object, old, timestamp(now)),
  validate: (kind, object, old, context) => kind.validateStatusUpdate(object, old, context),
};

/** certificatesigningrequests/status: certificate and other conditions; decisions stay as they are. */
export const REQUEST_STATUS: Aspect = {
  subresource: "status",
  countsGeneration: false,
  merge(_kind, sent, old) {
    const isDecision = ({ type }: RequestCondition): boolean => type === "Approved" || type === "Denied";
    const decisions = (statusOf(old).conditions ?? []).filter(isDecision);
    const others = (statusOf(sent).conditions ?? []).filter((condition) => !isDecision(condition));
    const conditions = [...decisions, ...others];
    return {
      ...old,
      metadata: sent.metadata ?? {},
      status: { ...statusOf(sent), ...(conditions.length > 0 && { conditions }) },
    };
  },
  prepare: (_kind, object, old, { now }) => withTimes(object, old, timestamp(now)),
  validate: (kind, object, old, context) => kind.validateStatusUpdate(object, old, context),
};

function statusOf(object: KubernetesObject): RequestStatus {
  return (object["status"] ?? {}) as RequestStatus;
}

/** Conditions say when they were written and when they last changed. */
function withTimes(object: KubernetesObject, old: KubernetesObject, now: string): KubernetesObject {
  const { conditions } = statusOf(object);
  if (conditions === undefined) return object;
  const before = statusOf(old).conditions ?? [];
  const timed = conditions.map((condition): RequestCondition => {
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
    };
  });
  return { ...object, status: { ...statusOf(object), conditions: timed } };
}
