import { generateKeyPairSync, randomUUID } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { notFound } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createServiceAccountTokens, type TokenOrder } from "./service-account-tokens.ts";

const ISSUER = "https://kubernetes.default.svc.cluster.local";

function pems(type: "ec" | "rsa" = "ec") {
  const { privateKey, publicKey } =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

function cluster(extra: Parameters<typeof createServiceAccountTokens>[1] | undefined = undefined) {
  const live = new Map<string, KubernetesObject>();
  const put = (kind: string, namespace: string, name: string, uid: string, more: object = {}): void => {
    live.set(`${kind}/${namespace}/${name}`, { metadata: { name, namespace, uid, ...more } });
  };
  put("serviceaccounts", "ns1", "robot", "sa-uid");
  put("pods", "ns1", "web", "pod-uid");
  put("nodes", "", "node1", "node-uid");
  const clock = createFakeClock(Date.UTC(2026, 3, 24));
  const objects = {
    async get(kind: string, namespace: string, name: string) {
      const found = live.get(`${kind}/${namespace}/${name}`);
      if (found === undefined) throw notFound({ group: "", resource: kind }, name);
      return found;
    },
  };
  const tokens = createServiceAccountTokens(
    { objects, clock, random: { uuid: randomUUID } },
    extra ?? { signingKeys: pems() },
  );
  return { tokens, clock, live, put };
}

function order(change: Partial<TokenOrder> = {}): TokenOrder {
  return {
    namespace: "ns1",
    serviceAccount: { name: "robot", uid: "sa-uid" },
    audiences: [ISSUER],
    lifetimeSeconds: 3600,
    ...change,
  };
}

const pod = { name: "web", uid: "pod-uid" };
const node = { name: "node1", uid: "node-uid" };

describe("createServiceAccountTokens", () => {
  it("makes tokens with the claims of Kubernetes", async () => {
    const { tokens } = cluster();
    const token = await tokens.issue(order({ pod, node, warnAfterSeconds: 60 }));
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: "ES256" });
    const now = Date.UTC(2026, 3, 24) / 1000;
    expect(decodeJwt(token)).toMatchObject({
      iss: ISSUER,
      sub: "system:serviceaccount:ns1:robot",
      aud: [ISSUER],
      iat: now,
      nbf: now,
      exp: now + 3600,
      "kubernetes.io": {
        namespace: "ns1",
        serviceaccount: { name: "robot", uid: "sa-uid" },
        pod,
        node,
        warnafter: now + 60,
      },
    });
  });

  it("tells whose token it is and what it is bound to", async () => {
    const { tokens } = cluster();
    const token = await tokens.issue(order({ pod, node }));
    const verdict = await tokens.authenticate(token, []);
    expect(verdict).toEqual({
      type: "authenticated",
      user: {
        name: "system:serviceaccount:ns1:robot",
        uid: "sa-uid",
        groups: ["system:serviceaccounts", "system:serviceaccounts:ns1"],
        extra: {
          "authentication.kubernetes.io/credential-id": [`JTI=${decodeJwt(token).jti ?? ""}`],
          "authentication.kubernetes.io/node-name": ["node1"],
          "authentication.kubernetes.io/node-uid": ["node-uid"],
          "authentication.kubernetes.io/pod-name": ["web"],
          "authentication.kubernetes.io/pod-uid": ["pod-uid"],
        },
      },
      audiences: [ISSUER],
    });
  });

  it("refuses tokens that ran out, also when they were accepted before", async () => {
    const { tokens, clock } = cluster();
    const token = await tokens.issue(order());
    expect((await tokens.authenticate(token, [])).type).toBe("authenticated");
    await clock.advance(3650 * 1000);
    expect((await tokens.authenticate(token, [])).type).toBe("authenticated");
    await clock.advance(20 * 1000);
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: "service account token has expired",
    });
  });

  it("refuses tokens for others, and accepts them where they are meant to be", async () => {
    const { tokens } = cluster();
    const token = await tokens.issue(order({ audiences: ["vault", "other"] }));
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: `token audiences ["vault" "other"] is invalid for the target audiences ["${ISSUER}"]`,
    });
    expect(await tokens.authenticate(token, ["vault", "x"])).toMatchObject({ audiences: ["vault"] });
  });

  it("refuses tokens of accounts and pods that are gone or were made anew", async () => {
    const { tokens, live, put } = cluster();
    const token = await tokens.issue(order({ pod }));
    put("pods", "ns1", "web", "other-uid");
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: "pod UID (other-uid) does not match service account pod ref claim (pod-uid)",
    });
    live.delete("pods/ns1/web");
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: "service account token has been invalidated",
    });
    put("serviceaccounts", "ns1", "robot", "new-uid");
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: "service account UID (new-uid) does not match claim (sa-uid)",
    });
    live.delete("serviceaccounts/ns1/robot");
    expect((await tokens.authenticate(token, [])).type).toBe("refused");
  });

  it("lets a pod that is being deleted work for a minute more", async () => {
    const { tokens, clock, put } = cluster();
    const token = await tokens.issue(order({ pod }));
    put("pods", "ns1", "web", "pod-uid", { deletionTimestamp: "2026-04-24T00:00:00Z" });
    expect((await tokens.authenticate(token, [])).type).toBe("authenticated");
    await clock.advance(61_000);
    expect((await tokens.authenticate(token, [])).type).toBe("refused");
  });

  it("checks the node of a token that is bound to it alone", async () => {
    const { tokens, put } = cluster();
    const alone = await tokens.issue(order({ node }));
    const beside = await tokens.issue(order({ pod, node }));
    put("nodes", "", "node1", "new-uid");
    expect((await tokens.authenticate(alone, [])).type).toBe("refused");
    expect((await tokens.authenticate(beside, [])).type).toBe("authenticated");
  });

  it("does not believe signatures of others, changed tokens, or none", async () => {
    const { tokens } = cluster();
    const foreign = cluster();
    const token = await foreign.tokens.issue(order());
    expect(await tokens.authenticate(token, [])).toEqual({
      type: "refused",
      reason: "invalid signature, no keys found",
    });
    const [header = "", , signature = ""] = (await tokens.issue(order())).split(".");
    const [, payload = ""] = (await tokens.issue(order({ serviceAccount: { name: "admin", uid: "x" } }))).split(".");
    expect((await tokens.authenticate(`${header}.${payload}.${signature}`, [])).type).toBe("refused");
    const none = btoa(JSON.stringify({ alg: "none" })).replaceAll("=", "");
    expect((await tokens.authenticate(`${none}.${payload}.`, [])).type).toBe("refused");
    for (const text of ["", "x", "a.b.c", "a.b.c.d", "ä.ö.ü"]) {
      expect(await tokens.authenticate(text, [])).toEqual({ type: "not-ours" });
    }
  });

  it("does not take a public key for a shared secret", async () => {
    const keys = pems("rsa");
    const { tokens } = cluster({ signingKeys: keys });
    const [, payload = ""] = (await tokens.issue(order())).split(".");
    const header = btoa(JSON.stringify({ alg: "HS256" })).replaceAll("=", "");
    const secret = await crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode(keys.publicKeyPem),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const mac = await crypto.subtle.sign("HMAC", secret, new TextEncoder().encode(`${header}.${payload}`));
    const signature = Buffer.from(mac).toString("base64url");
    expect((await tokens.authenticate(`${header}.${payload}.${signature}`, [])).type).toBe("refused");
  });

  it("accepts tokens of former keys and publishes all keys", async () => {
    const [old, current] = [pems(), pems("rsa")];
    const before = cluster({ signingKeys: old });
    const after = cluster({ signingKeys: current, formerPublicKeyPems: [old.publicKeyPem] });
    const token = await before.tokens.issue(order());
    expect((await after.tokens.authenticate(token, [])).type).toBe("authenticated");
    expect(await after.tokens.publicKeys()).toMatchObject([
      { kty: "RSA", alg: "RS256", use: "sig" },
      { kty: "EC", alg: "ES256", use: "sig", crv: "P-256" },
    ]);
    for (const key of await after.tokens.publicKeys()) expect(key).not.toHaveProperty("d");
  });
});
