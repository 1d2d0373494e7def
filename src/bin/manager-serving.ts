import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { createHttpServer, type ServingCertificate } from "../adapters/http/server.ts";
import { createAuthority } from "../adapters/tls/certificate-authority.ts";
import { createClientCertificateVerifier } from "../adapters/tls/client-certificate-verifier.ts";
import { generateKeyPair } from "../adapters/tls/key-pair.ts";
import { ORLOP_VERSION } from "../api/version.ts";
import type { ConflictView } from "../controllers/index.ts";
import { createKubeletAuthenticator } from "../kubelet/authentication/authenticator.ts";
import { createTokenReviews } from "../kubelet/authentication/token-reviews.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createClusterClient } from "../machinery/cluster-client.ts";
import type { Unit } from "../machinery/unit.ts";
import type { ClientCertificateVerifier } from "../ports/client-certificates.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import { createManagerHandler } from "./manager-handler.ts";
import { createPathReviews } from "./path-access-reviews.ts";
import type { SystemDeps } from "./system.ts";

/** What goes on in the controller manager of this process, for its health and metrics. */
export interface ManagerState {
  /** Name of the Lease; absent without leader election. */
  readonly lease?: string;
  phase: "waiting" | "starting" | "running";
  view: ConflictView | undefined;
}

export interface ManagerServingOptions {
  readonly host: string;
  readonly port: number;
  /** @default made now, signed by nobody */
  readonly certificate?: ServingCertificate;
  /** PEM of authorities for client certificates, as they are now. */
  readonly clientAuthorities: () => string | undefined;
  readonly seriesLimit: number;
}

const TOKEN_CACHE_MS = 10_000;
const LIFETIME_MS = 365 * 24 * 3600 * 1000;

/** The secure port of a controller manager; who asks is found out from the API server. */
export function createManagerServing(
  deps: SystemDeps,
  transport: ClusterTransport,
  state: ManagerState,
  options: ManagerServingOptions,
): Unit {
  const log = deps.log.with({ component: "controller-manager" });
  const client = createClusterClient({ transport, userAgent: `orlop-delegated-access/${ORLOP_VERSION}` });
  const clientCertificates = verifierOf(options.clientAuthorities);
  const seriesLimit = options.seriesLimit === 0 ? Number.POSITIVE_INFINITY : options.seriesLimit;
  const handler = createManagerHandler({
    log,
    authenticate: createKubeletAuthenticator(
      {
        clock: deps.clock,
        reviewToken: createTokenReviews({ ...deps, client }, { cacheMs: TOKEN_CACHE_MS }),
        clientCertificates,
      },
      { anonymous: false, readUidFromCertificates: true },
    ),
    reviewPath: createPathReviews({ ...deps, client }),
    notReady: () => (state.phase === "starting" ? "the controllers have not read the cluster yet" : undefined),
    metrics: function* () {
      yield processMetrics(state);
      // A replica that does not lead knows nothing of conflicts.
      if (state.phase !== "waiting" && state.view !== undefined) yield* state.view.metrics(seriesLimit);
    },
    conflicts: (namespace) => (state.phase === "waiting" ? undefined : state.view?.reportText(namespace)),
  });
  return {
    name: "controller manager port",
    async run(signal, ready) {
      const certificate = options.certificate ?? (await selfSigned(deps.clock.now(), options.host));
      const { host, port } = options;
      // No authorities are named to clients: these may only be known later.
      const tls = { ...certificate, requestCert: true };
      await createHttpServer({ handler, log }, { name: "controller manager", host, port, tls }).run(signal, ready);
    },
  };
}

/** Makes a verifier anew only when the authorities have changed. */
function verifierOf(authorities: () => string | undefined): () => ClientCertificateVerifier | undefined {
  let made: { readonly pem: string; readonly verifier: ClientCertificateVerifier } | undefined;
  return () => {
    const pem = authorities();
    if (pem === undefined) return undefined;
    if (made?.pem !== pem) made = { pem, verifier: createClientCertificateVerifier(pem) };
    return made.verifier;
  };
}

/** Reads the pair of --tls-cert-file and --tls-private-key-file. */
export async function readServingCertificate(
  cert: string | undefined,
  key: string | undefined,
): Promise<ServingCertificate | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new OrlopError("Invalid", "--tls-cert-file and --tls-private-key-file need each other: give both or none");
  }
  return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
}

async function selfSigned(now: number, host: string): Promise<ServingCertificate> {
  const life = { notBefore: now - 3600 * 1000, notAfter: now + LIFETIME_MS };
  const authority = await createAuthority(generateKeyPair(), { commonName: `${hostname()}-ca`, ...life });
  const keys = generateKeyPair();
  const leaf = await authority.issue(keys.publicKeyPem, {
    subject: { commonName: hostname() },
    names: [...new Set([hostname().toLowerCase(), "localhost", "127.0.0.1", ...(host === "0.0.0.0" ? [] : [host])])],
    usages: ["digital signature", "server auth"],
    ...life,
  });
  return { cert: `${leaf}${authority.certificatePem}`, key: keys.privateKeyPem };
}

function processMetrics({ phase, lease }: ManagerState): string {
  const { user, system } = process.cpuUsage();
  return [
    "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.\n# TYPE process_cpu_seconds_total counter\n",
    `process_cpu_seconds_total ${(user + system) / 1e6}\n`,
    "# HELP process_resident_memory_bytes Resident memory size in bytes.\n# TYPE process_resident_memory_bytes gauge\n",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}\n`,
    ...(lease === undefined
      ? []
      : [
          "# HELP leader_election_master_status [ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.\n# TYPE leader_election_master_status gauge\n",
          `leader_election_master_status{name="${lease}"} ${phase === "waiting" ? 0 : 1}\n`,
        ]),
  ].join("");
}
