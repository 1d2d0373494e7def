import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto } from "node:crypto";
import { OrlopError } from "../../lib/orlop-error.ts";

/** A private key as it lies on disk. */
export interface KeyPair {
  /** PKCS#8, PEM. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
}

/** A new P-256 key pair: small, fast to sign with, understood by every client. */
export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return pemOf(privateKey, publicKey);
}

/** Reads PKCS#8, SEC1 ("EC PRIVATE KEY") and PKCS#1 ("RSA PRIVATE KEY"). Throws OrlopError Invalid. */
export function readKeyPair(privateKeyPem: string): KeyPair {
  try {
    const privateKey = createPrivateKey(privateKeyPem);
    return pemOf(privateKey, createPublicKey(privateKey));
  } catch (reason) {
    throw new OrlopError("Invalid", "Cannot read the private key: it is no unencrypted PEM key", { cause: reason });
  }
}

function pemOf(privateKey: KeyObject, publicKey: KeyObject): KeyPair {
  return {
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** How WebCrypto names a key and a signature made with it. */
export interface SigningAlgorithm {
  readonly key: EcKeyImportParams | RsaHashedImportParams;
  readonly signature: { readonly name: "ECDSA" | "RSASSA-PKCS1-v1_5"; readonly hash: string };
}

type EcKeyImportParams = { readonly name: "ECDSA"; readonly namedCurve: string };
type RsaHashedImportParams = { readonly name: "RSASSA-PKCS1-v1_5"; readonly hash: string };

const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly hash: string }>> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { namedCurve: "P-521", hash: "SHA-512" },
};

function algorithmOf(key: KeyObject): SigningAlgorithm {
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
    return { key: algorithm, signature: algorithm };
  }
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (curve === undefined) {
    throw new OrlopError("Unsupported", `Cannot sign with a key of type ${key.asymmetricKeyType ?? "unknown"}`);
  }
  return {
    key: { name: "ECDSA", namedCurve: curve.namedCurve },
    signature: { name: "ECDSA", hash: curve.hash },
  };
}

/** The key pair as WebCrypto handles, for the X.509 library. */
export async function importKeyPair(
  pair: KeyPair,
): Promise<{ readonly keys: webcrypto.CryptoKeyPair; readonly algorithm: SigningAlgorithm }> {
  const privateKey = createPrivateKey(pair.privateKeyPem);
  const algorithm = algorithmOf(privateKey);
  const { subtle } = globalThis.crypto;
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return {
    keys: {
      privateKey: await subtle.importKey("pkcs8", pkcs8, algorithm.key, false, ["sign"]),
      publicKey: await subtle.importKey("spki", spki, algorithm.key, true, ["verify"]),
    },
    algorithm,
  };
}
