import type { User } from "../../api/user.ts";

const NODE_USER_PREFIX = "system:node:";
const NODES_GROUP = "system:nodes";

/**
 * The node a user is: undefined for somebody else, "" for a node without a name. Both the group and the form of the
 * name are needed, so a user with either alone is no node.
 */
export function nodeIdentity(user: User): string | undefined {
  if (!user.name.startsWith(NODE_USER_PREFIX) || !user.groups.includes(NODES_GROUP)) return undefined;
  return user.name.slice(NODE_USER_PREFIX.length);
}
