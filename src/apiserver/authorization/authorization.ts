import type { FeatureGates } from "../../api/feature-gates.ts";
import type { Authorizer } from "../../core/authz/attributes.ts";
import { allowPrivilegedGroup, unionAuthorizer } from "../../core/authz/union-authorizer.ts";
import type { RbacIndex } from "../../core/authz/rbac-index.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { AdmissionPlugin, Objects, VirtualResource } from "../extension.ts";
import { accessReviews } from "./access-reviews.ts";
import { ensureBootstrapPolicy } from "./bootstrap-policy.ts";
import {
  certificateApproval,
  certificateRequester,
  certificateSigning,
  certificateSubjectRestriction,
  type InspectRequest,
} from "./certificate-admission.ts";
import { escalationAdmission } from "./escalation-admission.ts";
import { createNodeAuthorizer } from "./node-authorizer.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { createRbacAuthorizer } from "./rbac-authorizer.ts";

export interface AuthorizationDeps {
  readonly objects: Objects;
  readonly clock: Clock;
  readonly log: Log;
  readonly gates: FeatureGates;
  /** Parses a PKCS#10 request (port CertificateSigner). */
  readonly inspectCertificateRequest: InspectRequest;
}

/** Everything about who may do what in the embedded API server, to be put into its parts. */
export interface Authorization {
  readonly authorize: Authorizer;
  readonly virtualResources: readonly VirtualResource[];
  /** In upstream's order. */
  readonly admission: readonly AdmissionPlugin[];
  readonly rbac: () => RbacIndex;
  /** Call once the server has loaded its objects, before it says it is ready. */
  ensureDefaults(signal: AbortSignal): Promise<void>;
}

/** system:masters, Node and RBAC, in this order. */
export function createAuthorization(deps: AuthorizationDeps): Authorization {
  const { objects, gates, inspectCertificateRequest: inspect } = deps;
  const rbac = createRbacAuthorizer(objects);
  const authorize = unionAuthorizer([allowPrivilegedGroup, createNodeAuthorizer(objects), rbac.authorize]);
  return {
    authorize,
    virtualResources: accessReviews({ authorize, rbac: () => rbac.index() }),
    admission: [
      certificateRequester(),
      nodeRestriction({ inspect, authorize }),
      escalationAdmission({ authorize, rbac: () => rbac.index() }),
      certificateApproval(authorize),
      certificateSigning(authorize),
      certificateSubjectRestriction(inspect),
    ],
    rbac: () => rbac.index(),
    ensureDefaults: async (signal) => {
      await ensureBootstrapPolicy(deps, { fineGrained: gates.enabled("KubeletFineGrainedAuthz") }, signal);
    },
  };
}
