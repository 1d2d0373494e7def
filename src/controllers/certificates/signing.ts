import { OrlopError } from "../../lib/orlop-error.ts";
import { secondsText } from "../../api/rfc3339.ts";
import {
  API_CLIENT_SIGNER,
  checkRequest,
  KUBELET_CLIENT_SIGNER,
  KUBELET_SERVING_SIGNER,
} from "../../core/controllers/certificate-rules.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { CERTIFICATE_SIGNING_REQUESTS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { CertificateSigner } from "../../ports/certificate-signer.ts";
import type { ControllerDeps } from "../controller.ts";
import { hasTrueCondition, isIssued, requestPem, withCondition } from "./request.ts";

export interface CertificateSigningOptions {
  readonly signer: CertificateSigner;
}

const SIGNERS: ReadonlySet<string> = new Set([KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER, API_CLIENT_SIGNER]);

/** Signs approved requests for the signers of kubelets and API clients, or marks them failed when they break a rule. */
export function createCertificateSigningController(deps: ControllerDeps, options: CertificateSigningOptions): Unit {
  const { client, informers, clock } = deps;
  const { signer } = options;
  const requests = informers.of(CERTIFICATE_SIGNING_REQUESTS);
  const loop = createReconcileLoop(deps, {
    name: "certificatesigningrequest-signing-controller",
    async reconcile(name, signal) {
      const csr = requests.reader.get(name);
      if (csr === undefined || !SIGNERS.has(csr.spec.signerName) || isIssued(csr)) return "await-change";
      if (!hasTrueCondition(csr, "Approved") || hasTrueCondition(csr, "Denied") || hasTrueCondition(csr, "Failed")) {
        return "await-change";
      }
      const { signerName, usages = [], expirationSeconds } = csr.spec;
      const csrPem = requestPem(csr);
      const verdict = checkRequest(signerName, await signer.inspect(csrPem), usages);
      if (verdict === undefined) throw new OrlopError("Internal", `No rules for the signer ${signerName}`);
      if (!verdict.ok) {
        const failure = {
          type: "Failed",
          status: "True",
          reason: "SignerValidationFailure",
          message: verdict.reason,
          lastUpdateTime: secondsText(clock.now()),
        };
        await client.updateStatus(CERTIFICATE_SIGNING_REQUESTS, withCondition(csr, failure), signal);
        return "await-change";
      }
      const order = { csrPem, usages, ...(expirationSeconds !== undefined && { expirationSeconds }) };
      const certificate = btoa(await signer.sign(order, signal));
      await client.updateStatus(
        CERTIFICATE_SIGNING_REQUESTS,
        { ...csr, status: { ...csr.status, certificate } },
        signal,
      );
      return "await-change";
    },
  });
  requests.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  return loop;
}
