import type { Attributes, Authorizer, Decision } from "./attributes.ts";
import { PRIVILEGED_GROUP } from "./escalation.ts";

/** Lets system:masters do everything: the way in when RBAC itself is broken. */
export const allowPrivilegedGroup: Authorizer = async ({ user }) =>
  user.groups.includes(PRIVILEGED_GROUP) ? { decision: "allow", reason: "" } : { decision: "no-opinion", reason: "" };

/**
 * Asks one after the other; the first that allows or denies decides. Failures do not hide a later allow, but without
 * one the first failure is thrown: "can not tell" must not read as "nobody objected".
 */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return async (attributes: Attributes, signal): Promise<Decision> => {
    const reasons: string[] = [];
    let failure: { readonly reason: unknown } | undefined;
    for (const authorizer of authorizers) {
      try {
        const answer = await authorizer(attributes, signal);
        if (answer.decision !== "no-opinion") return answer;
        if (answer.reason !== "") reasons.push(answer.reason);
      } catch (reason) {
        failure ??= { reason };
      }
    }
    if (failure !== undefined) throw failure.reason;
    return { decision: "no-opinion", reason: reasons.join("\n") };
  };
}
