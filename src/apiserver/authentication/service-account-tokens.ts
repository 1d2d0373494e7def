import { compactVerify, decodeProtectedHeader, errors, type JWK, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { messageOf } from "../../lib/orlop-error.ts";
import { StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import { serviceAccountUserName } from "../../api/user.ts";
import { quotedList } from "../../core/authz/quoted.ts";
import { type ClaimedObject, serviceAccountUser } from "../../core/authn/service-account-user.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { Objects } from "../extension.ts";
import { fromPayload, type ServiceAccountClaims, toPayload } from "./service-account-claims.ts";
import { publicJwk, readSigningKey, readVerificationKey, type SigningKey } from "./service-account-keys.ts";
import type { TokenAuthenticator, TokenVerdict } from "./token-authenticator.ts";

/** Clocks may differ by this, and a deleted object's tokens work this much longer. */
const LEEWAY = 60;
/** Signatures that were checked. A token is about 1 kB. */
const REMEMBERED = 4096;
/** Longer ones are checked each time. */
const LONGEST_REMEMBERED = 8192;

export interface ServiceAccountTokenDeps {
  readonly objects: Pick<Objects, "get">;
  readonly clock: Clock;
  readonly random: Pick<Random, "uuid">;
}

export interface ServiceAccountTokenOptions {
  /** Signs new tokens. */
  readonly signingKeys: { readonly privateKeyPem: string; readonly publicKeyPem: string };
  /** Public keys of earlier signers whose tokens still count. */
  readonly formerPublicKeyPems?: readonly string[];
  /** URL in `iss`. @default "https://kubernetes.default.svc.cluster.local" */
  readonly issuer?: string;
  /** Audiences of this API server. @default the issuer */
  readonly apiAudiences?: readonly string[];
}

/** What a new token is made of. */
export interface TokenOrder {
  readonly namespace: string;
  readonly serviceAccount: ClaimedObject;
  readonly audiences: readonly string[];
  readonly lifetimeSeconds: number;
  /** Seconds after which the token counts as stale although it works. */
  readonly warnAfterSeconds?: number;
  readonly pod?: ClaimedObject;
  readonly secret?: ClaimedObject;
  readonly node?: ClaimedObject;
}

export interface ServiceAccountTokens {
  issue(order: TokenOrder): Promise<string>;
  /** Also checks that the account and what the token is bound to still exist, with the same uid. */
  readonly authenticate: TokenAuthenticator;
  readonly issuer: string;
  readonly apiAudiences: readonly string[];
  /** Public keys, for /openid/v1/jwks. */
  publicKeys(): Promise<readonly JWK[]>;
}

/** Makes and checks ServiceAccount tokens (JWT, KEP-1205). Tokens in Secrets, without audience and end, are not accepted. */
export function createServiceAccountTokens(
  deps: ServiceAccountTokenDeps,
  options: ServiceAccountTokenOptions,
): ServiceAccountTokens {
  const issuer = options.issuer ?? "https://kubernetes.default.svc.cluster.local";
  const apiAudiences = options.apiAudiences ?? [issuer];
  const checked = new LRUCache<string, ServiceAccountClaims>({ max: REMEMBERED });
  let loading: Promise<Keys> | undefined;
  const keys = async (): Promise<Keys> => {
    loading ??= readKeys(options);
    return await loading;
  };

  const claimsOf = async (token: string): Promise<Read> => {
    const known = checked.get(token);
    if (known !== undefined) return { type: "claims", claims: known };
    if (issuerOf(token) !== issuer) return { type: "not-ours" };
    const { verification } = await keys();
    const read = await verifySignature(token, verification);
    if (read.type === "claims" && token.length <= LONGEST_REMEMBERED) checked.set(token, read.claims);
    return read;
  };

  return {
    issuer,
    apiAudiences,

    async issue(order) {
      const { signing } = await keys();
      const now = Math.floor(deps.clock.now() / 1000);
      const { warnAfterSeconds } = order;
      const claims: ServiceAccountClaims = {
        subject: serviceAccountUserName(order.namespace, order.serviceAccount.name),
        audiences: order.audiences,
        issuer,
        tokenId: deps.random.uuid(),
        issuedAt: now,
        notBefore: now,
        expiresAt: now + order.lifetimeSeconds,
        namespace: order.namespace,
        serviceAccount: order.serviceAccount,
        ...(order.pod !== undefined && { pod: order.pod }),
        ...(order.secret !== undefined && { secret: order.secret }),
        ...(order.node !== undefined && { node: order.node }),
        ...(warnAfterSeconds !== undefined && { warnAfter: now + warnAfterSeconds }),
      };
      return await new SignJWT(toPayload(claims))
        .setProtectedHeader({ alg: signing.algorithm, kid: signing.id })
        .sign(signing.key);
    },

    async authenticate(token, wanted) {
      const read = await claimsOf(token);
      if (read.type !== "claims") return read;
      const { claims } = read;
      const requested = wanted.length === 0 ? apiAudiences : wanted;
      const audiences = claims.audiences.filter((audience) => requested.includes(audience));
      if (audiences.length === 0) {
        const why = `token audiences ${quotedList(claims.audiences)} is invalid for the target audiences ${quotedList(requested)}`;
        return { type: "refused", reason: why };
      }
      const problem = timeProblem(claims, deps.clock.now() / 1000) ?? (await bindingProblem(deps, claims));
      if (problem !== undefined) return { type: "refused", reason: problem };
      const { namespace, serviceAccount, pod, node, tokenId } = claims;
      const identity = {
        namespace,
        name: serviceAccount.name,
        uid: serviceAccount.uid,
        tokenId,
        ...(pod !== undefined && { pod }),
        ...(node !== undefined && { node }),
      };
      return { type: "authenticated", user: serviceAccountUser(identity), audiences };
    },

    async publicKeys() {
      const { verification } = await keys();
      return await Promise.all([...verification.values()].map(publicJwk));
    },
  };
}

/** A token whose signature was looked at. */
type Read =
  | { readonly type: "claims"; readonly claims: ServiceAccountClaims }
  | Exclude<TokenVerdict, { readonly type: "authenticated" }>;

interface Keys {
  readonly signing: SigningKey;
  /** By id; the signer's own first. */
  readonly verification: ReadonlyMap<string, SigningKey>;
}

async function readKeys({ signingKeys, formerPublicKeyPems = [] }: ServiceAccountTokenOptions): Promise<Keys> {
  const signing = await readSigningKey(signingKeys);
  const verification = await Promise.all([signingKeys.publicKeyPem, ...formerPublicKeyPems].map(readVerificationKey));
  return { signing, verification: new Map(verification.map((key) => [key.id, key])) };
}

/** Who claims to have made the token, unchecked: only to leave tokens of others to others. */
function issuerOf(token: string): string | undefined {
  const [, payload, , ...more] = token.split(".");
  if (payload === undefined || more.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null || !("iss" in claims)) return undefined;
    return typeof claims.iss === "string" ? claims.iss : undefined;
  } catch {
    return undefined;
  }
}

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

async function verifySignature(token: string, known: ReadonlyMap<string, SigningKey>): Promise<Read> {
  const id = keyIdOf(token);
  const named = id === undefined ? undefined : known.get(id);
  const candidates = id === undefined ? [...known.values()] : named === undefined ? [] : [named];
  if (candidates.length === 0) return { type: "refused", reason: "invalid signature, no keys found" };
  let why = "";
  for (const { key, algorithm } of candidates) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
      const claims = fromPayload(JSON.parse(new TextDecoder().decode(payload)));
      return claims === undefined
        ? { type: "refused", reason: "not a valid service account token" }
        : { type: "claims", claims };
    } catch (reason) {
      if (!(reason instanceof errors.JOSEError) && !(reason instanceof SyntaxError)) throw reason;
      why = messageOf(reason);
    }
  }
  return { type: "refused", reason: why };
}

function timeProblem({ expiresAt, notBefore, issuedAt }: ServiceAccountClaims, now: number): string | undefined {
  if (now - LEEWAY > expiresAt) return "service account token has expired";
  if (now + LEEWAY < notBefore) return "service account token is not valid yet";
  return now + LEEWAY < issuedAt ? "service account token is issued in the future" : undefined;
}

const INVALIDATED = "service account token has been invalidated";

/** undefined for what does not exist. Other failures are thrown: "can not tell" is no answer. */
async function find(
  objects: Pick<Objects, "get">,
  kind: string,
  namespace: string,
  name: string,
): Promise<KubernetesObject | undefined> {
  try {
    return await objects.get(kind, namespace, name);
  } catch (reason) {
    if (reason instanceof StatusError && reason.code === 404) return undefined;
    throw reason;
  }
}

async function bindingProblem(
  { objects, clock }: ServiceAccountTokenDeps,
  claims: ServiceAccountClaims,
): Promise<string | undefined> {
  const { namespace, serviceAccount, secret, pod, node } = claims;
  const isDeleted = ({ metadata }: KubernetesObject): boolean =>
    metadata?.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < clock.now() - LEEWAY * 1000;
  const account = await find(objects, "serviceaccounts", namespace, serviceAccount.name);
  if (account === undefined) return `serviceaccounts "${serviceAccount.name}" not found`;
  if (account.metadata?.uid !== serviceAccount.uid) {
    return `service account UID (${account.metadata?.uid ?? ""}) does not match claim (${serviceAccount.uid})`;
  }
  if (isDeleted(account)) return `service account ${namespace}/${serviceAccount.name} has been deleted`;

  const bound = async (
    kind: string,
    word: string,
    place: string,
    claim: ClaimedObject,
  ): Promise<string | undefined> => {
    const object = await find(objects, kind, place, claim.name);
    if (object === undefined || isDeleted(object)) return INVALIDATED;
    const uid = object.metadata?.uid ?? "";
    return uid === claim.uid
      ? undefined
      : `${word} UID (${uid}) does not match service account ${word} ref claim (${claim.uid})`;
  };
  if (secret !== undefined) {
    const problem = await bound("secrets", "secret", namespace, secret);
    if (problem !== undefined) return problem;
  }
  if (pod !== undefined) return await bound("pods", "pod", namespace, pod);
  // Beside a pod the node is information; alone it is what the token is bound to.
  return node === undefined ? undefined : await bound("nodes", "node", "", node);
}
