import type { CertificateSigningRequest, SubjectAccessReview } from "../../api/types.ts";
import { automaticApprovals, isServingRequestOfNode, nodeOfUser } from "../../core/controllers/certificate-rules.ts";
import { createReconcileLoop } from "../../machinery/reconcile-loop.ts";
import { CERTIFICATE_SIGNING_REQUESTS, SUBJECT_ACCESS_REVIEWS } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { CertificateSigner } from "../../ports/certificate-signer.ts";
import type { ControllerDeps } from "../controller.ts";
import { hasTrueCondition, isIssued, requestPem, withCondition } from "./request.ts";

export interface CertificateApprovingOptions {
  readonly signer: Pick<CertificateSigner, "inspect">;
  /**
   * DNS names and addresses that are known, not from the node itself, to be those of a node. Its serving certificates
   * for them are approved; upstream never approves serving certificates. @default none
   */
  readonly namesOfNode?: (node: string) => readonly string[] | undefined;
}

const SERVING_MESSAGE = "Auto approving kubelet serving certificate for the known names of the node.";

/** Approves certificate requests of kubelets that are allowed to make them. Never denies. */
export function createCertificateApprovingController(deps: ControllerDeps, options: CertificateApprovingOptions): Unit {
  const { client, informers, clock } = deps;
  const { signer, namesOfNode } = options;
  const requests = informers.of(CERTIFICATE_SIGNING_REQUESTS);

  const mayCreate = async (
    csr: CertificateSigningRequest,
    subresource: string,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const { username = "", uid, groups, extra } = csr.spec;
    const review: SubjectAccessReview = {
      spec: {
        user: username,
        ...(uid !== undefined && { uid }),
        ...(groups !== undefined && { groups }),
        ...(extra !== undefined && { extra }),
        resourceAttributes: {
          group: "certificates.k8s.io",
          resource: "certificatesigningrequests",
          verb: "create",
          subresource,
          version: "*",
        },
      },
    };
    const { status } = await client.create(SUBJECT_ACCESS_REVIEWS, review, signal);
    return status?.allowed === true;
  };

  /** Why it may be approved; undefined when not. */
  const approvalOf = async (csr: CertificateSigningRequest, signal: AbortSignal): Promise<string | undefined> => {
    const { signerName, usages = [], username = "", groups = [] } = csr.spec;
    const contents = await signer.inspect(requestPem(csr));
    const requester = { username, groups };
    for (const { permission, message } of automaticApprovals(signerName, contents, usages, requester)) {
      if (await mayCreate(csr, permission, signal)) return message;
    }
    const names = namesOfNode?.(nodeOfUser(username) ?? "");
    return isServingRequestOfNode(signerName, contents, usages, requester, names) ? SERVING_MESSAGE : undefined;
  };

  const loop = createReconcileLoop(deps, {
    name: "certificatesigningrequest-approving-controller",
    async reconcile(name, signal) {
      const csr = requests.reader.get(name);
      if (csr === undefined || isIssued(csr) || hasTrueCondition(csr, "Approved") || hasTrueCondition(csr, "Denied")) {
        return "await-change";
      }
      const message = await approvalOf(csr, signal);
      if (message !== undefined) {
        const condition = { type: "Approved", status: "True", reason: "AutoApproved", message };
        const approved = withCondition(csr, { ...condition, lastUpdateTime: new Date(clock.now()).toISOString() });
        await client.updateSubresource(CERTIFICATE_SIGNING_REQUESTS, "approval", approved, signal);
      }
      return "await-change";
    },
  });
  requests.onChange(({ type, key }) => {
    if (type !== "deleted") loop.enqueue(key);
  });
  return loop;
}
