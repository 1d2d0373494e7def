import { ANONYMOUS, type User } from "../../api/user.ts";

const AUTHENTICATED = "system:authenticated";
const UNAUTHENTICATED = "system:unauthenticated";

/** Adds system:authenticated to whoever proved to be somebody. */
export function withAuthenticatedGroup(user: User): User {
  const known =
    user.name === ANONYMOUS.name || user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED);
  return known ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}
