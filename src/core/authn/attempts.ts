import { messageOf } from "../../lib/orlop-error.ts";
import type { User } from "../../api/user.ts";
import { withAuthenticatedGroup } from "./authenticated-group.ts";

/** One way to prove who one is: undefined when it was not used, throws when it was used and does not hold. */
export type Attempt = () => Promise<User | undefined>;

/** Credentials that were shown and do not hold. */
export class RefusedCredentials extends Error {
  override readonly name = "RefusedCredentials";
}

export type AttemptsResult =
  | { readonly type: "proven"; readonly user: User }
  /** Nothing was shown. Only such a request may pass as anonymous. */
  | { readonly type: "nothing-shown" }
  | { readonly type: "refused"; readonly problems: readonly string[] };

/** The first attempt that proves something counts; bad credentials matter only when none does. */
export async function firstProven(attempts: readonly Attempt[]): Promise<AttemptsResult> {
  const problems: string[] = [];
  for (const attempt of attempts) {
    try {
      const user = await attempt();
      if (user !== undefined) return { type: "proven", user: withAuthenticatedGroup(user) };
    } catch (reason) {
      problems.push(messageOf(reason));
    }
  }
  return problems.length === 0 ? { type: "nothing-shown" } : { type: "refused", problems };
}
