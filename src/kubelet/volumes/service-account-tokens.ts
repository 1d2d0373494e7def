import type { Pod, TokenRequest } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { SERVICE_ACCOUNTS } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";

export interface TokenWish {
  readonly audience?: string;
  /** Absent: what the API server gives. */
  readonly expirationSeconds?: number;
}

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Tokens of ServiceAccounts, bound to a pod, cached and renewed before they end. */
export interface ServiceAccountTokens {
  /** Throws when there is no valid token and none can be had. */
  token(pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<string>;
  /** The same with its end. */
  issued(pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<IssuedToken>;
  forget(podUid: string): void;
}

export interface ServiceAccountTokensDeps {
  readonly client: Pick<ClusterClient, "post">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface CachedToken extends IssuedToken {
  readonly podUid: string;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

const LONGEST_USE_MS = 24 * 3_600_000;
const RENEW_FRACTION = 0.8;
/** Spread, so that the tokens of many pods are not renewed in one moment. */
const LARGEST_JITTER_MS = 10_000;

/** When a token has to be renewed: at 80 % of its life or after 24 hours, whichever comes first. */
export function renewalTime(issuedAt: number, expiresAt: number, jitterMs: number): number {
  return Math.min(issuedAt + (expiresAt - issuedAt) * RENEW_FRACTION, issuedAt + LONGEST_USE_MS) - jitterMs;
}

export function createServiceAccountTokens(deps: ServiceAccountTokensDeps): ServiceAccountTokens {
  const cache = new Map<string, CachedToken>();
  const pending = new Map<string, Promise<IssuedToken>>();

  const request = async (pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<CachedToken> => {
    const { name: podName = "", namespace = "", uid = "" } = pod.metadata ?? {};
    const account = pod.spec?.serviceAccountName ?? "";
    const body: TokenRequest = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: wish.audience === undefined || wish.audience === "" ? [] : [wish.audience],
        ...(wish.expirationSeconds !== undefined && { expirationSeconds: wish.expirationSeconds }),
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name: podName, uid },
      },
    };
    const answer = await deps.client.post<TokenRequest>(
      SERVICE_ACCOUNTS,
      { namespace, name: account },
      "token",
      body,
      signal,
    );
    const { token = "", expirationTimestamp = "" } = answer.status ?? {};
    const expiresAt = Date.parse(expirationTimestamp);
    if (token === "" || Number.isNaN(expiresAt)) {
      throw new OrlopError(
        "Unavailable",
        `the API server answered the token request for ${namespace}/${account} without a token or its end`,
      );
    }
    const now = deps.clock.now();
    const jitter = deps.random.fraction() * LARGEST_JITTER_MS;
    return { token, podUid: uid, expiresAt, renewAt: renewalTime(now, expiresAt, jitter) };
  };

  const renew = async (key: string, pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<IssuedToken> => {
    const known = cache.get(key);
    try {
      const fresh = await request(pod, wish, signal);
      cache.set(key, fresh);
      return fresh;
    } catch (reason) {
      if (known === undefined) {
        throw new OrlopError("Unavailable", `failed to fetch token: ${messageOf(reason)}`, { cause: reason });
      }
      if (known.expiresAt <= deps.clock.now()) {
        throw new OrlopError("Unavailable", `token expired and refresh failed: ${messageOf(reason)}`, {
          cause: reason,
        });
      }
      deps.log.warn("cannot renew a service account token, the old one is still valid", {
        pod: `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`,
        expires: new Date(known.expiresAt).toISOString(),
        reason: messageOf(reason),
      });
      return known;
    }
  };

  const issued = async (pod: Pod, wish: TokenWish, signal: AbortSignal): Promise<IssuedToken> => {
    const key = JSON.stringify([
      pod.metadata?.uid,
      pod.metadata?.namespace,
      pod.spec?.serviceAccountName,
      wish.audience ?? "",
      wish.expirationSeconds,
    ]);
    const known = cache.get(key);
    if (known !== undefined && deps.clock.now() < known.renewAt) return known;
    const running = pending.get(key);
    if (running !== undefined) return running;
    const started = renew(key, pod, wish, signal).finally(() => pending.delete(key));
    pending.set(key, started);
    return started;
  };
  return {
    issued,
    token: async (pod, wish, signal) => (await issued(pod, wish, signal)).token,
    forget(podUid) {
      for (const [key, { podUid: owner }] of cache) if (owner === podUid) cache.delete(key);
    },
  };
}
