import type { CertificateSigningRequest } from "../../api/types.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { CERTIFICATE_SIGNING_REQUESTS } from "../../machinery/resources.ts";
import type { CertificateKeys, CertificateSubject, CertificateWithKey } from "../../ports/certificate-keys.ts";
import type { Clock } from "../../ports/clock.ts";

export interface RequestCertificateDeps {
  readonly client: Pick<ClusterClient, "create" | "get">;
  readonly keys: CertificateKeys;
  readonly clock: Clock;
}

export interface CertificateRequestKind {
  /** e.g. "kubernetes.io/kubelet-serving" */
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly subject: CertificateSubject;
}

/** Upstream's: then another request is made, as the first may have been removed or overlooked. */
const PATIENCE_MS = 15 * 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Asks the API server's signer for a certificate over a new key and waits until somebody approved it and it was issued.
 * Throws OrlopError Forbidden when it was denied, Timeout when nobody decided within 15 minutes.
 */
export async function requestCertificate(
  deps: RequestCertificateDeps,
  kind: CertificateRequestKind,
  signal: AbortSignal,
): Promise<CertificateWithKey> {
  const { client, clock, keys } = deps;
  const pending = await keys.request(kind.subject);
  const asked: CertificateSigningRequest = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { generateName: "csr-" },
    spec: { request: btoa(pending.requestPem), signerName: kind.signerName, usages: [...kind.usages] },
  };
  const created = await client.create(CERTIFICATE_SIGNING_REQUESTS, asked, signal);
  const name = created.metadata?.name ?? "";
  const giveUpAt = clock.monotonic() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    await clock.sleep(pause, signal);
    const { status } = await client.get(CERTIFICATE_SIGNING_REQUESTS, { name }, signal);
    const certificate = status?.certificate ?? "";
    if (certificate !== "") {
      const issued = { certificatePem: atob(certificate), privateKeyPem: pending.privateKeyPem };
      keys.read(issued);
      return issued;
    }
    refuse(name, kind.signerName, status);
    if (clock.monotonic() >= giveUpAt) {
      throw new OrlopError(
        "Timeout",
        `certificate request ${name} for ${kind.signerName} was not approved within 15 minutes: approve the next one with "kubectl certificate approve"`,
      );
    }
  }
}

function refuse(name: string, signerName: string, status: CertificateSigningRequest["status"]): void {
  for (const { type, reason = "", message = "" } of status?.conditions ?? []) {
    if (type !== "Denied" && type !== "Failed") continue;
    const why = [reason, message].filter((text) => text !== "").join(": ");
    throw new OrlopError(
      "Forbidden",
      `certificate request ${name} for ${signerName} was ${type.toLowerCase()}: ${why}`,
    );
  }
}
