import { join } from "node:path";
import type { FeatureGates } from "../api/feature-gates.ts";
import { KINDS } from "../api/kinds/index.ts";
import { createHttpClient } from "../adapters/http/client.ts";
import { createHttpServer } from "../adapters/http/server.ts";
import { openLmdbStore } from "../adapters/lmdb/lmdb-store.ts";
import { createCertificateSigner } from "../adapters/tls/certificate-signer.ts";
import { createClientCertificateVerifier } from "../adapters/tls/client-certificate-verifier.ts";
import type { ClusterPki } from "../adapters/tls/cluster-pki.ts";
import { createStandardAdmission } from "../apiserver/admission/standard-admission.ts";
import { createApiServer } from "../apiserver/api-server.ts";
import { authenticationReviews } from "../apiserver/authentication/authentication-reviews.ts";
import { createAuthenticator } from "../apiserver/authentication/authenticator.ts";
import { createServiceAccountTokens } from "../apiserver/authentication/service-account-tokens.ts";
import { serviceAccountTokenSubresource } from "../apiserver/authentication/token-request.ts";
import { type Authorization, createAuthorization } from "../apiserver/authorization/authorization.ts";
import type { ApiServerParts, Objects } from "../apiserver/extension.ts";
import { createProxySubresources } from "../apiserver/proxy/subresources.ts";
import type { ConnectMode } from "../core/authz/kubelet-request.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { SystemDeps } from "./system.ts";

/** Cluster IP of the `kubernetes` service: first address of upstream's default service range. */
export const SERVICE_ADDRESS = "10.96.0.1";

export interface ControlPlaneOptions {
  readonly dataDir: string;
  readonly pki: ClusterPki;
  readonly bindAddress: string;
  readonly securePort: number;
  /** Address under which nodes and pods reach this server. */
  readonly advertiseAddress: string;
  readonly gates: FeatureGates;
  readonly connectMode: ConnectMode;
}

/**
 * The embedded API server with its store, authenticators, authorizers and listener. The unit is ready when the default roles
 * exist and the port answers.
 */
export function createControlPlane(deps: SystemDeps, options: ControlPlaneOptions): Unit {
  return {
    name: "control-plane",
    async run(signal, ready) {
      const store = await openLmdbStore({ directory: join(options.dataDir, "db") });
      try {
        const { server, authorization } = composeServer(deps, options, store);
        const defaults: Unit = {
          name: "default-roles",
          async run(stop, done) {
            await authorization.ensureDefaults(stop);
            done();
          },
        };
        const listener = createHttpServer(
          { handler: server.handler, log: deps.log.with({ component: "apiserver" }) },
          {
            name: "API server",
            host: options.bindAddress,
            port: options.securePort,
            tls: {
              cert: options.pki.apiServer.certificatePem,
              key: options.pki.apiServer.privateKeyPem,
              clientCa: options.pki.authorityPem,
              requestCert: true,
            },
          },
        );
        await createUnitGroup("api-server", [server.unit, defaults, listener], "in-order").run(signal, ready);
      } finally {
        await store.close();
      }
    },
  };
}

function composeServer(
  deps: SystemDeps,
  options: ControlPlaneOptions,
  store: Awaited<ReturnType<typeof openLmdbStore>>,
): { readonly server: ReturnType<typeof createApiServer>; readonly authorization: Authorization } {
  const { clock, random } = deps;
  const log = deps.log.with({ component: "apiserver" });
  const { pki, gates } = options;
  const signer = createCertificateSigner({ authority: pki.authority, clock });
  let authorization: Authorization | undefined;

  const makeParts = (objects: Objects): ApiServerParts => {
    const own = createAuthorization({
      objects,
      clock,
      log,
      gates,
      inspectCertificateRequest: (pem) => signer.inspect(pem),
    });
    authorization = own;
    const tokens = createServiceAccountTokens({ objects, clock, random }, { signingKeys: pki.serviceAccountKeys });
    const admission = [...createStandardAdmission({ clock, random }), ...own.admission];
    const kubeletIdentity = {
      cert: pki.apiServerKubeletClient.certificatePem,
      key: pki.apiServerKubeletClient.privateKeyPem,
    };
    return {
      authenticate: createAuthenticator({
        clock,
        log,
        clientCertificates: createClientCertificateVerifier(pki.authorityPem),
        tokens: [tokens.authenticate],
      }),
      authorize: own.authorize,
      kinds: KINDS,
      virtualResources: [...own.virtualResources, ...authenticationReviews({ clock, tokens: [tokens.authenticate] })],
      subresources: [
        serviceAccountTokenSubresource({ objects, tokens, clock, admission }),
        ...createProxySubresources(
          {
            objects,
            random,
            authorize: own.authorize,
            log,
            mode: options.connectMode,
            kubelet: createHttpClient({
              tls: () => ({ trust: { by: "ca", ca: pki.authorityPem }, ...kubeletIdentity }),
            }),
            kubeletUnverified: createHttpClient({ tls: () => ({ trust: { by: "nobody" }, ...kubeletIdentity }) }),
            backend: createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) }),
          },
          { splitStreams: gates.enabled("PodLogsQuerySplitStreams") },
        ),
      ],
      admission,
      gates,
    };
  };

  const server = createApiServer({ store, clock, random, log }, makeParts, {
    kubernetesService: {
      clusterIP: SERVICE_ADDRESS,
      port: 443,
      endpoints: [{ address: options.advertiseAddress, port: options.securePort }],
    },
  });
  if (authorization === undefined)
    throw new OrlopError("Internal", "The API server was built without its authorization");
  return { server, authorization };
}
