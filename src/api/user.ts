/** Who makes a request, after authentication. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  /** e.g. "authentication.kubernetes.io/pod-name" of a bound ServiceAccount token. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export const ANONYMOUS: User = { name: "system:anonymous", groups: ["system:unauthenticated"], extra: {} };

export const SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:";

export function serviceAccountUserName(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}
