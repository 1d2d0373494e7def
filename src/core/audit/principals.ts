import type { Subject } from "../../api/types.ts";
import { SERVICE_ACCOUNT_PREFIX, serviceAccountUserName } from "../../api/user.ts";

export type PrincipalKind = "User" | "Group" | "ServiceAccount";

/** Somebody a binding can name. `name` is as the API server knows it. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly name: string;
}

/** undefined for kinds RBAC gives nothing to. */
export function principalOf(subject: Subject): Principal | undefined {
  switch (subject.kind) {
    case "User":
      // A User that is written like a ServiceAccount is that ServiceAccount.
      return { kind: serviceAccountOf(subject.name) === undefined ? "User" : "ServiceAccount", name: subject.name };
    case "Group":
      return { kind: "Group", name: subject.name };
    case "ServiceAccount":
      return (subject.namespace ?? "") === ""
        ? undefined
        : { kind: "ServiceAccount", name: serviceAccountUserName(subject.namespace ?? "", subject.name) };
    default:
      return undefined;
  }
}

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** Takes system:serviceaccount:NAMESPACE:NAME apart. */
export function serviceAccountOf(userName: string): ServiceAccountName | undefined {
  if (!userName.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace = "", name = "", ...rest] = userName.slice(SERVICE_ACCOUNT_PREFIX.length).split(":");
  return namespace === "" || name === "" || rest.length > 0 ? undefined : { namespace, name };
}

export const ALL_AUTHENTICATED = "system:authenticated";
export const ALL_SERVICE_ACCOUNTS = "system:serviceaccounts";

/** Groups the API server puts the principal into by itself. Groups have none. */
export function impliedGroups(principal: Principal): readonly string[] {
  if (principal.kind === "Group") return [];
  if (principal.name === "system:anonymous") return ["system:unauthenticated"];
  const account = serviceAccountOf(principal.name);
  return account === undefined
    ? [ALL_AUTHENTICATED]
    : [ALL_SERVICE_ACCOUNTS, `${ALL_SERVICE_ACCOUNTS}:${account.namespace}`, ALL_AUTHENTICATED];
}

/** Unique among principals. */
export function principalKey({ kind, name }: Principal): string {
  return `${kind === "Group" ? "g" : "u"}:${name}`;
}
