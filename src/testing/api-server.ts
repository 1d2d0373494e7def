import type { KindDefinition } from "../api/kinds/definition.ts";
import type { User } from "../api/user.ts";
import type { ApiServer, ApiServerOptions } from "../apiserver/api-server.ts";
import type { ApiServerParts, Objects } from "../apiserver/extension.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import type { Store } from "../ports/store.ts";

export const ADMIN: User = { name: "admin", groups: ["system:masters", "system:authenticated"], extra: {} };

export interface TestApiServerOptions {
  /** @default all kinds */
  readonly kinds?: readonly KindDefinition[];
  /** @default a memory store */
  readonly store?: Store;
  /** @default a fake clock */
  readonly clock?: Clock;
  /** Replaces parts; by default everybody may do everything and the standard admission plugins run. */
  readonly parts?: (objects: Objects) => Partial<ApiServerParts>;
  readonly server?: ApiServerOptions;
}

export interface TestApiServer {
  readonly server: ApiServer;
  readonly objects: Objects;
  /** @param user default `ADMIN` */
  connect(user?: User): ClusterTransport;
  /** Ends watches and the unit. */
  stop(): Promise<void>;
}

/** A running API server inside this process, on a memory store, for tests of whatever talks to one. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  void options;
  throw new Error("not built yet");
}
