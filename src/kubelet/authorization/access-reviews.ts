import { LRUCache } from "lru-cache";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { SubjectAccessReview } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Decision, ResourceAttributes } from "../../core/authz/attributes.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { SUBJECT_ACCESS_REVIEWS } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { type ObserveReview, withReviewRetries } from "../authentication/review-retry.ts";
import { createSharedLookups } from "../authentication/shared-lookups.ts";

/** The request a question is about. Its path only counts for what is remembered: very long requests never are. */
export interface Asker {
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Asks the API server whether a user may do something with this node. Throws when it can not tell. */
export type ReviewAccess = (attributes: ResourceAttributes, asker: Asker) => Promise<Decision>;

export interface AccessReviewDeps {
  readonly client: Pick<ClusterClient, "create">;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe?: ObserveReview;
}

export interface AccessReviewOptions {
  /** authorization.webhook.cacheAuthorizedTTL */
  readonly cacheAllowedMs: number;
  /** authorization.webhook.cacheUnauthorizedTTL */
  readonly cacheRefusedMs: number;
}

const REMEMBERED = 8192;
/** Requests with more text than this are never remembered. */
const LONGEST_REMEMBERED = 10_000;

type Spec = SubjectAccessReview["spec"];

function specOf({ user, verb, group, version, resource, subresource, namespace, name }: ResourceAttributes): Spec {
  return {
    resourceAttributes: {
      ...(namespace !== "" && { namespace }),
      ...(verb !== "" && { verb }),
      ...(group !== "" && { group }),
      version,
      resource,
      ...(subresource !== "" && { subresource }),
      ...(name !== "" && { name }),
    },
    ...(user.name !== "" && { user: user.name }),
    ...(user.groups.length > 0 && { groups: user.groups }),
    ...(Object.keys(user.extra).length > 0 && { extra: user.extra }),
    ...(user.uid !== undefined && { uid: user.uid }),
  };
}

function textLength({ namespace, verb, group, version, resource, subresource, name }: ResourceAttributes): number {
  const { length } = namespace;
  return length + verb.length + group.length + version.length + resource.length + subresource.length + name.length;
}

function decisionOf({ allowed, denied, reason = "" }: NonNullable<SubjectAccessReview["status"]>): Decision {
  if (allowed && denied === true) {
    throw new OrlopError("Internal", "webhook subject access review returned both allow and deny response");
  }
  return { decision: allowed ? "allow" : denied === true ? "deny" : "no-opinion", reason };
}

/** SubjectAccessReviews with upstream's cache. Answers are never used longer than they may be, also when the server is away. */
export function createAccessReviews(deps: AccessReviewDeps, options: AccessReviewOptions): ReviewAccess {
  const lookups = createSharedLookups<Decision>(
    { clock: deps.clock },
    {
      size: REMEMBERED,
      lifetimeMs: ({ decision }) => (decision === "allow" ? options.cacheAllowedMs : options.cacheRefusedMs),
    },
  );
  /**
   * Who somebody is, as the start of a key: a short name for all that counts, given once and never to another. Users come
   * out of a cache too, so the same object comes often.
   */
  const identities = new WeakMap<User, string>();
  const names = new LRUCache<string, string>({ max: REMEMBERED });
  let named = 0;
  const identityOf = (user: User): string => {
    const known = identities.get(user);
    if (known !== undefined) return known;
    const whole = JSON.stringify([user.name, user.uid ?? "", user.groups, user.extra]);
    let name = names.get(whole);
    if (name === undefined) {
      named += 1;
      name = String(named);
      if (whole.length <= LONGEST_REMEMBERED) names.set(whole, name);
    }
    identities.set(user, name);
    return name;
  };

  const review = async (attributes: ResourceAttributes, signal: AbortSignal): Promise<Decision> => {
    const asked = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: {},
      spec: specOf(attributes),
    };
    const { status } = await withReviewRetries(
      deps,
      async () => await deps.client.create(SUBJECT_ACCESS_REVIEWS, asked, signal),
      signal,
    );
    if (status === undefined) throw new OrlopError("Unavailable", "the access review was answered without a status");
    return decisionOf(status);
  };

  return async (attributes, asker) => {
    if (textLength(attributes) + asker.path.length >= LONGEST_REMEMBERED) return await review(attributes, asker.signal);
    const { user, verb, group, version, resource, subresource, namespace, name } = attributes;
    // None of these is a client's choice, and none has a NUL in it: no part can be taken for another.
    const key = `${identityOf(user)}\0${verb}\0${group}\0${version}\0${resource}\0${subresource}\0${namespace}\0${name}`;
    const kept = lookups.known(key);
    if (kept !== undefined) return kept;
    return await lookups.get(key, async (shared) => await review(attributes, shared), asker);
  };
}
