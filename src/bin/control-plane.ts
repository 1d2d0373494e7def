import { join } from "node:path";
import { Registry } from "prom-client";
import type { FeatureGates } from "../api/feature-gates.ts";
import type { User } from "../api/user.ts";
import { KINDS } from "../api/kinds/index.ts";
import { createHttpClient } from "../adapters/http/client.ts";
import { createHttpServer, type ServingCertificate } from "../adapters/http/server.ts";
import { openRotatingLog, type RotatingLog, type RotatingLogOptions } from "../adapters/files/rotating-log.ts";
import { openLmdbStore } from "../adapters/lmdb/lmdb-store.ts";
import type { ClusterPki } from "../adapters/tls/cluster-pki.ts";
import { createCertificateSigner } from "../adapters/tls/certificate-signer.ts";
import { createClientCertificateVerifier } from "../adapters/tls/client-certificate-verifier.ts";
import { createPodSecurityMetrics } from "../apiserver/admission/plugins/pod-security-metrics.ts";
import { createStandardAdmission } from "../apiserver/admission/standard-admission.ts";
import { type ApiServer, createApiServer } from "../apiserver/api-server.ts";
import { authenticationReviews } from "../apiserver/authentication/authentication-reviews.ts";
import { createAuthenticator } from "../apiserver/authentication/authenticator.ts";
import { openIdDiscovery } from "../apiserver/authentication/openid-discovery.ts";
import { createServiceAccountTokens } from "../apiserver/authentication/service-account-tokens.ts";
import { serviceAccountTokenSubresource } from "../apiserver/authentication/token-request.ts";
import { type Authorization, createAuthorization } from "../apiserver/authorization/authorization.ts";
import type { ApiServerParts, Objects } from "../apiserver/extension.ts";
import { createAuditLog } from "../apiserver/server/audit-log.ts";
import { createStreamMetrics } from "../apiserver/proxy/stream-metrics.ts";
import { createProxySubresources } from "../apiserver/proxy/subresources.ts";
import type { ConnectMode } from "../core/authz/kubelet-request.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { RecordLog } from "../ports/record-log.ts";
import type { Store } from "../ports/store.ts";
import type { AdmissionSettings } from "./admission-configuration.ts";
import type { LivePki } from "./live-pki.ts";
import { createClientAuthorityPublisher } from "./publish-client-authority.ts";
import type { SystemDeps } from "./system.ts";

/** Cluster IP of the `kubernetes` service: first address of upstream's default service range. */
export const SERVICE_ADDRESS = "10.96.0.1";

export interface ControlPlaneOptions {
  readonly dataDir: string;
  /** Certificates; renewed ones are taken up while it runs. */
  readonly pki: LivePki;
  readonly bindAddress: string;
  readonly securePort: number;
  /** Address under which nodes and pods reach this server. */
  readonly advertiseAddress: string;
  readonly gates: FeatureGates;
  readonly connectMode: ConnectMode;
  readonly admission: AdmissionSettings;
  /** Where every request is recorded. Absent: nowhere. */
  readonly auditLog?: RotatingLogOptions;
}

export interface ControlPlane {
  /** Ready when the default roles exist and the port answers. */
  readonly unit: Unit;
  /** A way into the server for parts of this process, as one identity; calls fail with Unavailable while it does not run. */
  connect(user: User): ClusterTransport;
}

/** The embedded API server with its store, authenticators, authorizers and listener. */
export function createControlPlane(deps: SystemDeps, options: ControlPlaneOptions): ControlPlane {
  let running: ApiServer | undefined;
  const server = (): ApiServer => {
    if (running === undefined) throw new OrlopError("Unavailable", "the API server of this process does not run yet");
    return running;
  };
  return {
    connect: (user) => ({ send: async (request) => server().connect(user).send(request) }),
    unit: {
      name: "control-plane",
      async run(signal, ready) {
        const store = await openLmdbStore({ directory: join(options.dataDir, "db") });
        let records: RotatingLog | undefined;
        try {
          if (options.auditLog !== undefined) records = await openRotatingLog(deps, options.auditLog);
          const composed = composeServer(deps, options, store, records);
          running = composed.server;
          const { authorization } = composed;
          const defaults: Unit = {
            name: "default-roles",
            async run(stop, done) {
              await authorization.ensureDefaults(stop);
              done();
            },
          };
          const authority = createClientAuthorityPublisher(
            composed.server.connect({ name: "system:apiserver", groups: ["system:masters"], extra: {} }),
            () => options.pki.current().authorityPem,
          );
          const units = [composed.server.unit, defaults, authority, createListener(deps, options, composed.server)];
          await createUnitGroup("api-server", units, "in-order").run(signal, ready);
        } finally {
          running = undefined;
          await store.close();
          await records?.close();
        }
      },
    },
  };
}

function createListener(deps: SystemDeps, options: ControlPlaneOptions, server: ApiServer): Unit {
  const { pki } = options;
  const listener = createHttpServer(
    { handler: server.handler, log: deps.log.with({ component: "apiserver" }) },
    {
      name: "API server",
      host: options.bindAddress,
      port: options.securePort,
      tls: { ...servingOf(pki.current()), requestCert: true },
    },
  );
  return {
    name: listener.name,
    async run(signal, ready) {
      const stop = pki.onChange((renewed) => listener.reloadCertificate(servingOf(renewed)));
      try {
        await listener.run(signal, ready);
      } finally {
        stop();
      }
    },
  };
}

function servingOf({ apiServer, authorityPem }: ClusterPki): ServingCertificate {
  return { cert: apiServer.certificatePem, key: apiServer.privateKeyPem, clientCa: authorityPem };
}

function composeServer(
  deps: SystemDeps,
  options: ControlPlaneOptions,
  store: Store,
  records: RecordLog | undefined,
): { readonly server: ApiServer; readonly authorization: Authorization } {
  const { clock, random } = deps;
  const log = deps.log.with({ component: "apiserver" });
  const { gates } = options;
  const pki = options.pki.current();
  const signer = createCertificateSigner({ authority: pki.authority, clock });
  const metrics = new Registry();
  const emulatedMinor = Number(gates.emulatedVersion.split(".")[1]);
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
    const standardAdmission = createStandardAdmission(
      {
        clock,
        random,
        podSecurityMetrics: createPodSecurityMetrics(metrics, emulatedMinor),
      },
      { emulatedMinor, podSecurity: options.admission.podSecurity },
    );
    const admission = [...standardAdmission, ...own.admission];
    const kubeletIdentity = () => {
      const { certificatePem, privateKeyPem } = options.pki.current().apiServerKubeletClient;
      return { cert: certificatePem, key: privateKeyPem };
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
            observe: createStreamMetrics(metrics),
            kubelet: createHttpClient({
              tls: () => ({ trust: { by: "ca", ca: pki.authorityPem }, ...kubeletIdentity() }),
            }),
            kubeletUnverified: createHttpClient({ tls: () => ({ trust: { by: "nobody" }, ...kubeletIdentity() }) }),
            backend: createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) }),
          },
          { splitStreams: gates.enabled("PodLogsQuerySplitStreams") },
        ),
      ],
      admission,
      gates,
      paths: openIdDiscovery(tokens, { externalAddress: `${options.advertiseAddress}:${options.securePort}` }),
    };
  };

  const server = createApiServer(
    {
      store,
      clock,
      random,
      log,
      metrics,
      ...(records !== undefined && { audit: createAuditLog({ records, clock, log }) }),
    },
    makeParts,
    {
      kubernetesService: {
        clusterIP: SERVICE_ADDRESS,
        port: 443,
        endpoints: [{ address: options.advertiseAddress, port: options.securePort }],
      },
    },
  );
  if (authorization === undefined)
    throw new OrlopError("Internal", "The API server was built without its authorization");
  return { server, authorization };
}
