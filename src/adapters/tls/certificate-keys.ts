import { createPublicKey, X509Certificate } from "node:crypto";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { CertificateKeys } from "../../ports/certificate-keys.ts";
import { canonicalAddress, certificateFacts } from "./certificate-facts.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { generateKeyPair, readKeyPair } from "./key-pair.ts";
import { decodeFirstPem } from "./pem.ts";

/** Keys on P-256 and requests in PKCS#10. */
export function createCertificateKeys(): CertificateKeys {
  return {
    async request({ commonName, organizations, dnsNames, ipAddresses }) {
      const keys = generateKeyPair();
      const requestPem = await createCertificateRequest(keys, {
        subject: { commonName, organizations },
        dnsNames,
        ipAddresses: ipAddresses.map(canonicalAddress),
      });
      return { privateKeyPem: keys.privateKeyPem, requestPem };
    },
    read({ certificatePem, privateKeyPem }) {
      const der = decodeFirstPem(certificatePem, "CERTIFICATE");
      const facts = certificateFacts(der);
      const ownKey = createPublicKey(readKeyPair(privateKeyPem).publicKeyPem);
      if (!publicKeyOf(der).equals(ownKey)) {
        throw new OrlopError("Invalid", "Cannot use the certificate: its key does not belong to it");
      }
      return facts;
    },
  };
}

function publicKeyOf(der: Uint8Array) {
  try {
    return new X509Certificate(der).publicKey;
  } catch (cause) {
    throw new OrlopError("Invalid", `Cannot read the key of the certificate: ${messageOf(cause)}`, { cause });
  }
}
