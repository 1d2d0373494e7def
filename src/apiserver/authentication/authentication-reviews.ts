import { messageOf } from "../../lib/orlop-error.ts";
import { badRequest } from "../../api/status-error.ts";
import type { KubernetesObject, TokenReview } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import { secondsText } from "../../api/rfc3339.ts";
import { withAuthenticatedGroup } from "../../core/authn/authenticated-group.ts";
import type { Clock } from "../../ports/clock.ts";
import type { VirtualResource } from "../extension.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

const GROUP = "authentication.k8s.io";

export interface AuthenticationReviewDeps {
  readonly clock: Pick<Clock, "now">;
  readonly tokens: readonly TokenAuthenticator[];
}

function definition(kind: string): VirtualResource["definition"] {
  const singular = kind.toLowerCase();
  return {
    group: GROUP,
    version: "v1",
    kind,
    resource: `${singular}s`,
    singular,
    namespaced: false,
    schema: `V1${kind}`,
  };
}

type UserInfo = Readonly<Record<string, unknown>>;

function userInfo({ name, uid, groups, extra }: User): UserInfo {
  return {
    ...(name !== "" && { username: name }),
    ...(uid !== undefined && uid !== "" && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

async function reviewStatus(
  tokens: readonly TokenAuthenticator[],
  token: string,
  audiences: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  // A token is one word, as in the Authorization header.
  const [word = ""] = token.trim().split(" ", 1);
  let error = "invalid bearer token";
  for (const authenticate of tokens) {
    try {
      const verdict = await authenticate(word, audiences);
      if (verdict.type === "authenticated") {
        return {
          authenticated: true,
          user: userInfo(withAuthenticatedGroup(verdict.user)),
          audiences: verdict.audiences,
        };
      }
      if (verdict.type === "refused") error = verdict.reason;
    } catch (reason) {
      error = messageOf(reason);
    }
  }
  return { user: {}, error };
}

/** TokenReview: whose token is this? SelfSubjectReview: who am I? */
export function authenticationReviews({ clock, tokens }: AuthenticationReviewDeps): readonly VirtualResource[] {
  return [
    {
      definition: definition("TokenReview"),
      async create(object) {
        const { spec } = object as unknown as TokenReview;
        const token = spec?.token ?? "";
        if (token === "") throw badRequest("token is required for TokenReview in authentication");
        const status = await reviewStatus(tokens, token, spec.audiences ?? []);
        return { ...object, spec, status } as KubernetesObject;
      },
    },
    {
      definition: definition("SelfSubjectReview"),
      create: async (_object, { user }) => ({
        metadata: { creationTimestamp: secondsText(clock.now()) },
        status: { userInfo: userInfo(user) },
      }),
    },
  ];
}
