import type { User } from "../api/user.ts";
import { createStandardAdmission } from "../apiserver/admission/standard-admission.ts";
import { type Authorization, createAuthorization } from "../apiserver/authorization/authorization.ts";
import { testGates } from "./api-server.ts";
import type { ControllerHostOptions } from "./controller-host.ts";
import { createFakeClock } from "./fake-clock.ts";
import { quietLog, seededRandom } from "./quiet.ts";

/** What a signer is asked about requests here: nothing in them is looked at. */
const inspectCertificateRequest = async () => ({
  commonName: "system:node:n1",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: ["10.0.0.1"],
  emailAddresses: [],
  uris: [],
});

/** RBAC with the default roles; what the user was refused is noted. */
export function withRbac(name: string, refused: string[], groups: readonly string[] = []): ControllerHostOptions {
  const user: User = { name, groups: [...groups, "system:authenticated"], extra: {} };
  let authorization: Authorization | undefined;
  return {
    user,
    prepare: async () => authorization?.ensureDefaults(new AbortController().signal),
    parts: (objects) => {
      const own = createAuthorization({
        objects,
        clock: createFakeClock(),
        log: quietLog(),
        gates: testGates(),
        inspectCertificateRequest,
      });
      authorization = own;
      return {
        authorize: async (attributes, signal) => {
          const decision = await own.authorize(attributes, signal);
          if (attributes.user.name === name && decision.decision !== "allow") {
            refused.push(
              `${attributes.verb} ${"path" in attributes ? attributes.path : `${attributes.group}/${attributes.resource}/${attributes.subresource}`}`,
            );
          }
          return decision;
        },
        virtualResources: own.virtualResources,
        admission: [
          ...createStandardAdmission({ clock: createFakeClock(), random: seededRandom(2) }),
          ...own.admission,
        ],
      };
    },
  };
}
