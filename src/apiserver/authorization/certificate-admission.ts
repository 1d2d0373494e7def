import { messageOf } from "../../lib/orlop-error.ts";
import { forbidden } from "../../api/status-error.ts";
import type { CertificateSigningRequest } from "../../api/types.ts";
import type { User } from "../../api/user.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { PRIVILEGED_GROUP } from "../../core/authz/escalation.ts";
import { quoted } from "../../core/authz/quoted.ts";
import type { CertificateRequestContents, CertificateSigner } from "../../ports/certificate-signer.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../extension.ts";
import { sameContent } from "./same-content.ts";

const GROUP = "certificates.k8s.io";
const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";

export type InspectRequest = CertificateSigner["inspect"];

/** spec.request is base64 around PEM. Throws OrlopError Invalid. */
export async function inspectSigningRequest(
  inspect: InspectRequest,
  { spec }: CertificateSigningRequest,
): Promise<CertificateRequestContents> {
  return await inspect(atob(spec.request));
}

function isAbout(
  { kind, operation, subresource }: AdmissionRequest,
  on: AdmissionRequest["operation"],
  part: string,
): boolean {
  return (
    kind.group === GROUP && kind.resource === "certificatesigningrequests" && operation === on && subresource === part
  );
}

function refusal(request: AdmissionRequest, why: string): Error {
  return forbidden({ group: GROUP, resource: request.kind.resource }, request.name, why);
}

/** Asks for the verb on the signer itself, then on all signers of its domain ("kubernetes.io/*"). */
async function mayUseSigner(authorize: Authorizer, user: User, verb: string, signer: string): Promise<boolean> {
  for (const name of [signer, `${signer.split("/", 1)[0] ?? ""}/*`]) {
    const answer = await authorize(
      {
        type: "resource",
        user,
        verb,
        group: GROUP,
        version: "*",
        resource: "signers",
        subresource: "",
        namespace: "",
        name,
      },
      new AbortController().signal,
    );
    if (answer.decision === "allow") return true;
  }
  return false;
}

/** Approving or denying needs the verb "approve" on the signer. The stored signer counts, not the one sent. */
export function certificateApproval(authorize: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    async validate(request) {
      if (!isAbout(request, "update", "approval")) return undefined;
      const { signerName } = (request.old as unknown as CertificateSigningRequest).spec;
      if (await mayUseSigner(authorize, request.user, "approve", signerName)) return undefined;
      throw refusal(request, `user not permitted to approve requests with signerName ${quoted(signerName)}`);
    },
  };
}

/** Setting a certificate or a condition through the status needs the verb "sign" on the signer. */
export function certificateSigning(authorize: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    async validate(request) {
      if (!isAbout(request, "update", "status")) return undefined;
      const old = request.old as unknown as CertificateSigningRequest;
      const { status } = request.object as unknown as CertificateSigningRequest;
      const unchanged =
        (old.status?.certificate ?? "") === (status?.certificate ?? "") &&
        sameContent(old.status?.conditions, status?.conditions);
      const { signerName } = old.spec;
      if (unchanged || (await mayUseSigner(authorize, request.user, "sign", signerName))) return undefined;
      throw refusal(request, `user not permitted to sign requests with signerName ${quoted(signerName)}`);
    },
  };
}

/** Nobody gets a certificate of system:masters through the API. */
export function certificateSubjectRestriction(inspect: InspectRequest): AdmissionPlugin {
  return {
    name: "CertificateSubjectRestriction",
    async validate(request) {
      if (!isAbout(request, "create", "")) return undefined;
      const signingRequest = request.object as unknown as CertificateSigningRequest;
      if (signingRequest.spec.signerName !== CLIENT_SIGNER) return undefined;
      let contents: CertificateRequestContents;
      try {
        contents = await inspectSigningRequest(inspect, signingRequest);
      } catch (reason) {
        throw refusal(request, `failed to parse CSR: ${messageOf(reason)}`);
      }
      if (contents.organizations.includes(PRIVILEGED_GROUP)) {
        throw refusal(request, `use of ${CLIENT_SIGNER} signer with ${PRIVILEGED_GROUP} group is not allowed`);
      }
      return undefined;
    },
  };
}

/** Writes down who asks: the fields are what signers and approvers decide on, so a client can not fill them in. */
export function certificateRequester(): AdmissionPlugin {
  return {
    name: "CertificateRequester",
    mutate(request) {
      const { object, user } = request;
      if (object === undefined) throw new TypeError("a mutation has an object");
      if (!isAbout(request, "create", "")) return object;
      const {
        username: _,
        uid: _uid,
        groups: _groups,
        extra: _extra,
        ...spec
      } = (object as unknown as CertificateSigningRequest).spec;
      return {
        ...object,
        spec: {
          ...spec,
          ...(user.name !== "" && { username: user.name }),
          ...(user.uid !== undefined && { uid: user.uid }),
          ...(user.groups.length > 0 && { groups: user.groups }),
          ...(Object.keys(user.extra).length > 0 && { extra: user.extra }),
        },
      };
    },
  };
}
