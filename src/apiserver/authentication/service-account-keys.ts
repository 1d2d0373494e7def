import { exportJWK, importPKCS8, importSPKI, type JWK } from "jose";
import { OrlopError } from "../../lib/orlop-error.ts";

type Algorithm = "ES256" | "ES384" | "ES512" | "RS256";
type Key = Awaited<ReturnType<typeof importSPKI>>;

export interface SigningKey {
  readonly algorithm: Algorithm;
  readonly id: string;
  readonly key: Key;
}

/** Object identifiers of key types and curves, DER-encoded, hex. */
const KEY_TYPES: readonly (readonly [oid: string, algorithm: Algorithm])[] = [
  ["06092a864886f70d010101", "RS256"],
  ["06082a8648ce3d030107", "ES256"],
  ["06052b81040022", "ES384"],
  ["06052b81040023", "ES512"],
];

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function algorithmOf(publicKey: Uint8Array): Algorithm {
  // The algorithm stands at the start of a SubjectPublicKeyInfo, before the key itself.
  const head = hexOf(publicKey.subarray(0, 40));
  const found = KEY_TYPES.find(([oid]) => head.includes(oid));
  if (found === undefined) {
    throw new OrlopError(
      "Unsupported",
      "Cannot use the ServiceAccount key: it must be RSA or an elliptic curve P-256, P-384 or P-521",
    );
  }
  return found[1];
}

async function keyId(publicKey: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", publicKey));
  return btoa(String.fromCharCode(...digest))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** A public key (SubjectPublicKeyInfo, PEM) to check tokens with. Its id is derived from the key, as upstream does. */
export async function readVerificationKey(publicKeyPem: string): Promise<SigningKey> {
  const der = derOf(publicKeyPem);
  const algorithm = algorithmOf(der);
  return { algorithm, id: await keyId(der), key: await importSPKI(publicKeyPem, algorithm, { extractable: true }) };
}

/** The private key (PKCS#8, PEM) that belongs to a public one. */
export async function readSigningKey(keys: {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
}): Promise<SigningKey> {
  const { algorithm, id } = await readVerificationKey(keys.publicKeyPem);
  return { algorithm, id, key: await importPKCS8(keys.privateKeyPem, algorithm) };
}

/** The key as others may fetch it (/openid/v1/jwks). */
export async function publicJwk({ algorithm, id, key }: SigningKey): Promise<JWK> {
  return { use: "sig", kid: id, alg: algorithm, ...(await exportJWK(key)) };
}
