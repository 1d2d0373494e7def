import type { User } from "../../api/user.ts";
import type { TokenReview } from "../../api/types.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { TOKEN_REVIEWS } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { type ObserveReview, withReviewRetries } from "./review-retry.ts";
import { createSharedLookups, type ObserveLookups } from "./shared-lookups.ts";

export type TokenVerdict = { readonly type: "known"; readonly user: User } | { readonly type: "unknown" };

/** Asks the API server whose token it is. Throws when it can not tell. */
export type ReviewToken = (token: string, asker: { readonly signal: AbortSignal }) => Promise<TokenVerdict>;

export interface TokenReviewDeps {
  readonly client: Pick<ClusterClient, "create">;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe?: ObserveReview;
  readonly observeCache?: ObserveLookups;
}

const REMEMBERED = 4096;
/** No issuer makes longer ones; whoever sends them wants the API server to read them. */
const LONGEST_TOKEN = 64 * 1_024;

function userOf(status: NonNullable<TokenReview["status"]>): User {
  const { username = "", uid = "", groups = [], extra = {} } = status.user ?? {};
  return { name: username, ...(uid !== "" && { uid }), groups, extra };
}

/**
 * TokenReviews with upstream's cache: good and bad tokens alike are remembered for `cacheMs`, failures to ask never;
 * requests with the same token at the same time share one review. The same token gives the same User object. One longer
 * than 64 KiB is bad without asking.
 */
export function createTokenReviews(deps: TokenReviewDeps, options: { readonly cacheMs: number }): ReviewToken {
  const { clock, observeCache } = deps;
  const lookups = createSharedLookups<TokenVerdict>(
    { clock, ...(observeCache !== undefined && { observe: observeCache }) },
    { size: REMEMBERED, lifetimeMs: () => options.cacheMs },
  );
  const review = async (token: string, signal: AbortSignal): Promise<TokenVerdict> => {
    const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: {}, spec: { token } };
    const { status } = await withReviewRetries(
      deps,
      async () => await deps.client.create(TOKEN_REVIEWS, asked, signal),
      signal,
    );
    return status?.authenticated === true ? { type: "known", user: userOf(status) } : { type: "unknown" };
  };
  return async (token, asker) => {
    if (token.length > LONGEST_TOKEN) return { type: "unknown" };
    return await lookups.get(token, async (shared) => await review(token, shared), asker);
  };
}
