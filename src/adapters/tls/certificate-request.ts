import { createPublicKey } from "node:crypto";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { type AlternativeNames, alternativeNames, type SubjectFacts, subjectFacts } from "./certificate-facts.ts";
import { type AlternativeNameTemplate, generalNames, type Subject, subjectName } from "./certificate-authority.ts";
import { importKeyPair, type KeyPair } from "./key-pair.ts";
import { decodeFirstPem, encodePem } from "./pem.ts";
import {
  type Name,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "./x509-library.ts";

/** A PKCS#10 request, parsed and its signature checked: whoever made it holds the private key. */
export interface CertificateRequest extends SubjectFacts, AlternativeNames {
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  readonly keyType: "ec" | "rsa" | "ed25519";
  /** The subject as it stands in the request, with attributes we have no name for. */
  readonly subject: Name;
}

/** A PKCS#10 request, PEM. */
export async function createCertificateRequest(
  keys: KeyPair,
  options: { readonly subject: Subject } & AlternativeNameTemplate,
): Promise<string> {
  const { keys: imported, algorithm } = await importKeyPair(keys);
  const names = generalNames(options);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: subjectName(options.subject),
    keys: imported,
    signingAlgorithm: algorithm.signature,
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)],
  });
  return encodePem(new Uint8Array(request.rawData), "CERTIFICATE REQUEST");
}

/** Parses PEM. Throws OrlopError Invalid for what is no request or is not signed by its own key. */
export async function parseCertificateRequest(pem: string): Promise<CertificateRequest> {
  const der = decodeFirstPem(pem, "CERTIFICATE REQUEST");
  try {
    const request = new Pkcs10CertificateRequest(new Uint8Array(der));
    if (!(await request.verify())) throw new OrlopError("Invalid", "its signature is wrong");
    const publicKeyPem = encodePem(new Uint8Array(request.publicKey.rawData), "PUBLIC KEY");
    const keyType = createPublicKey(publicKeyPem).asymmetricKeyType;
    if (keyType !== "ec" && keyType !== "rsa" && keyType !== "ed25519") {
      throw new OrlopError("Unsupported", `keys of type ${keyType ?? "unknown"} are not supported`);
    }
    return {
      ...subjectFacts(request.subjectName),
      ...alternativeNames(request.extensions),
      publicKeyPem,
      keyType,
      subject: request.subjectName,
    };
  } catch (reason) {
    throw new OrlopError("Invalid", `Cannot use the certificate request: ${messageOf(reason)}`, { cause: reason });
  }
}
