import type { User } from "../api/user.ts";
import { type ReviewRetryDeps, withReviewRetries } from "../kubelet/authentication/review-retry.ts";
import { createSharedLookups } from "../kubelet/authentication/shared-lookups.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import { SUBJECT_ACCESS_REVIEWS } from "../machinery/resources.ts";
import type { Clock } from "../ports/clock.ts";

/** Asks the API server whether a user may do this with a path of this process. Throws when it can not tell. */
export type ReviewPath = (user: User, verb: string, path: string, signal: AbortSignal) => Promise<boolean>;

export interface PathReviewDeps extends ReviewRetryDeps {
  readonly client: Pick<ClusterClient, "create">;
  readonly clock: Clock;
}

const REMEMBERED = 1024;
// As kube-controller-manager's delegated authorization.
const LIFETIME_MS = 10_000;

/** SubjectAccessReviews of paths, each answer remembered for ten seconds. */
export function createPathReviews(deps: PathReviewDeps): ReviewPath {
  const { clock } = deps;
  const lookups = createSharedLookups<{ readonly allowed: boolean }>(
    { clock },
    {
      size: REMEMBERED,
      lifetimeMs: () => LIFETIME_MS,
    },
  );
  return async (user, verb, path, signal) => {
    const spec = {
      user: user.name,
      groups: user.groups,
      extra: user.extra,
      ...(user.uid !== undefined && { uid: user.uid }),
      nonResourceAttributes: { verb, path },
    };
    const { allowed } = await lookups.get(
      JSON.stringify(spec),
      async (shared) => {
        const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", metadata: {}, spec };
        const ask = () => deps.client.create(SUBJECT_ACCESS_REVIEWS, review, shared);
        const { status } = await withReviewRetries(deps, ask, shared);
        return { allowed: status?.allowed === true && status.denied !== true };
      },
      { signal },
    );
    return allowed;
  };
}
