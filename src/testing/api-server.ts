import { createMemoryStore } from "../adapters/memory/store.ts";
import type { FeatureGates } from "../api/feature-gates.ts";
import { KINDS } from "../api/kinds/index.ts";
import type { KindDefinition } from "../api/kinds/definition.ts";
import type { User } from "../api/user.ts";
import { createApiServer } from "../apiserver/api-server.ts";
import type { ApiServer, ApiServerOptions } from "../apiserver/api-server.ts";
import { createStandardAdmission } from "../apiserver/admission/standard-admission.ts";
import type { ApiServerParts, Objects } from "../apiserver/extension.ts";
import type { AuditedRequest } from "../apiserver/server/handler.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { createFakeClock } from "./fake-clock.ts";
import { quietLog, seededRandom } from "./quiet.ts";

export const ADMIN: User = { name: "admin", groups: ["system:masters", "system:authenticated"], extra: {} };

/** Gates that are off in 1.36 unless switched on, as far as tests meet them. */
const OFF_BY_DEFAULT: ReadonlySet<string> = new Set([
  "SELinuxMount",
  "UserNamespacesHostNetworkSupport",
  "ContainerStopSignals",
  "ClusterTrustBundleProjection",
  "PodCertificateRequest",
  "GenericWorkload",
  "ImageVolumeWithDigest",
  "TaintTolerationComparisonOperators",
]);

export interface TestApiServerOptions {
  /** @default all kinds */
  readonly kinds?: readonly KindDefinition[];
  /** @default a memory store */
  readonly store?: Store;
  /** @default a fake clock */
  readonly clock?: Clock;
  /** @default one that says nothing */
  readonly log?: Log;
  /** Replaces parts; by default everybody may do everything and the standard admission plugins run. */
  readonly parts?: (objects: Objects) => Partial<ApiServerParts>;
  readonly server?: ApiServerOptions;
  /** Whether each namespace gets its default ServiceAccount at once, as a controller would do. @default true */
  readonly defaultAccounts?: boolean;
  /** Told about every answered request. @default nobody is */
  readonly audit?: (request: AuditedRequest) => void;
}

export interface TestApiServer {
  readonly server: ApiServer;
  readonly objects: Objects;
  /** @param user default `ADMIN` */
  connect(user?: User): ClusterTransport;
  /** Ends watches and the unit. */
  stop(): Promise<void>;
}

/** The defaults of 1.36 with some gates switched. */
export function testGates(switched: Readonly<Record<string, boolean>> = {}): FeatureGates {
  return {
    enabled: (name) => switched[name] ?? !OFF_BY_DEFAULT.has(name),
    emulatedVersion: "1.36",
    all: [],
  };
}

function makeDefaultAccounts(objects: Objects): void {
  objects.observe("namespaces", ({ type, object }) => {
    if (type !== "added") return;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
    objects.create("serviceaccounts", object.metadata?.name ?? "", account).catch(() => undefined);
  });
}

/** A running API server inside this process, on a memory store, for tests of whatever talks to one. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const clock = options.clock ?? createFakeClock();
  const random = seededRandom(1);
  const server = createApiServer(
    {
      store: options.store ?? createMemoryStore(),
      clock,
      random,
      log: options.log ?? quietLog(),
      ...(options.audit !== undefined && { audit: options.audit }),
    },
    (objects) => ({
      authenticate: async () => ADMIN,
      authorize: async () => ({ decision: "allow", reason: "everybody may do everything in this test" }),
      kinds: options.kinds ?? KINDS,
      virtualResources: [],
      subresources: [],
      admission: createStandardAdmission({ clock, random }),
      gates: testGates(),
      ...options.parts?.(objects),
    }),
    options.server,
  );
  if (options.defaultAccounts ?? true) makeDefaultAccounts(server.objects);
  const stopping = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = server.unit.run(stopping.signal, resolve);
    ended.catch(reject);
  });
  return {
    server,
    objects: server.objects,
    connect: (user = ADMIN) => server.connect(user),
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
