import type { ClaimedObject } from "../../core/authn/service-account-user.ts";

/** What a ServiceAccount token says; times in seconds since the epoch. */
export interface ServiceAccountClaims {
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly issuer: string;
  readonly tokenId: string;
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly namespace: string;
  readonly serviceAccount: ClaimedObject;
  readonly pod?: ClaimedObject;
  readonly secret?: ClaimedObject;
  readonly node?: ClaimedObject;
  /** After this the token should have been renewed, but still works. */
  readonly warnAfter?: number;
}

function reference({ name, uid }: ClaimedObject): Readonly<Record<string, string>> {
  return uid === "" ? { name } : { name, uid };
}

/** As the payload of a JWT. */
export function toPayload(claims: ServiceAccountClaims): Record<string, unknown> {
  const { pod, secret, node, warnAfter } = claims;
  return {
    aud: claims.audiences,
    exp: claims.expiresAt,
    iat: claims.issuedAt,
    iss: claims.issuer,
    jti: claims.tokenId,
    "kubernetes.io": {
      namespace: claims.namespace,
      ...(node !== undefined && { node: reference(node) }),
      ...(pod !== undefined && { pod: reference(pod) }),
      ...(secret !== undefined && { secret: reference(secret) }),
      serviceaccount: reference(claims.serviceAccount),
      ...(warnAfter !== undefined && { warnafter: warnAfter }),
    },
    nbf: claims.notBefore,
    sub: claims.subject,
  };
}

type Json = Readonly<Record<string, unknown>>;

function record(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function seconds(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function claimed(value: unknown): ClaimedObject | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, uid } = value as Json;
  return { name: text(name), uid: text(uid) };
}

function audiencesOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Reads a payload whose signature was checked; undefined for one that was not made by toPayload(). */
export function fromPayload(value: unknown): ServiceAccountClaims | undefined {
  const payload = record(value);
  const kubernetes = record(payload["kubernetes.io"]);
  const serviceAccount = claimed(kubernetes["serviceaccount"]);
  const namespace = text(kubernetes["namespace"]);
  const expiresAt = seconds(payload["exp"]);
  if (serviceAccount === undefined || serviceAccount.name === "" || namespace === "" || expiresAt === undefined) {
    return undefined;
  }
  const [pod, secret, node] = [kubernetes["pod"], kubernetes["secret"], kubernetes["node"]].map(claimed);
  const warnAfter = seconds(kubernetes["warnafter"]);
  return {
    subject: text(payload["sub"]),
    audiences: audiencesOf(payload["aud"]),
    issuer: text(payload["iss"]),
    tokenId: text(payload["jti"]),
    issuedAt: seconds(payload["iat"]) ?? 0,
    notBefore: seconds(payload["nbf"]) ?? 0,
    expiresAt,
    namespace,
    serviceAccount,
    ...(pod !== undefined && { pod }),
    ...(secret !== undefined && { secret }),
    ...(node !== undefined && { node }),
    ...(warnAfter !== undefined && warnAfter !== 0 && { warnAfter }),
  };
}
