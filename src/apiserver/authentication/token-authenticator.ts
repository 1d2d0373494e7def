import type { User } from "../../api/user.ts";

export type TokenVerdict =
  | { readonly type: "authenticated"; readonly user: User; readonly audiences: readonly string[] }
  /** The token says it comes from somebody else; another authenticator may know it. */
  | { readonly type: "not-ours" }
  /** The reason is for logs and TokenReview. */
  | { readonly type: "refused"; readonly reason: string };

/** `audiences`: the token must be meant for one of them; empty for the API server's own. Throws when it can not tell. */
export type TokenAuthenticator = (token: string, audiences: readonly string[]) => Promise<TokenVerdict>;
