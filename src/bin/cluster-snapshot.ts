import { StatusError } from "../api/status-error.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import {
  type ApiObject,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CONFIG_MAPS,
  NODES,
  PODS,
  type Resource,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
  apiVersionOf,
  resourceName,
} from "../machinery/resources.ts";

export const SNAPSHOT_KIND = "ClusterSnapshot";

/** What an audit needs of a cluster, and nothing that is secret. */
export interface ClusterSnapshot {
  readonly apiVersion: "audit.orlop.dev/v1alpha1";
  readonly kind: typeof SNAPSHOT_KIND;
  readonly collectedAt: string;
  readonly server: string;
  readonly serverVersion: string;
  /** What could not be listed, mostly for lack of rights. */
  readonly missing: readonly {
    readonly resource: string;
    readonly reason: string;
    readonly severity: "error" | "warning";
  }[];
  readonly items: readonly unknown[];
}

export function isSnapshot(value: unknown): value is ClusterSnapshot {
  return (
    typeof value === "object" && value !== null && "kind" in value && value.kind === SNAPSHOT_KIND && "items" in value
  );
}

type Fields = Readonly<Record<string, unknown>>;

const metadataOf = ({ metadata }: ApiObject): Fields => ({
  name: metadata?.name,
  ...(metadata?.namespace !== undefined && { namespace: metadata.namespace }),
  ...(metadata?.labels !== undefined && { labels: metadata.labels }),
});

const pick = (object: ApiObject, fields: readonly string[]): Fields =>
  Object.fromEntries(fields.flatMap((field) => (field in object ? [[field, (object as Fields)[field]]] : [])));

interface Wanted {
  readonly resource: Resource;
  readonly severity: "error" | "warning";
  readonly keep: (object: ApiObject) => Fields | undefined;
}

/** Each with what of its objects is kept; undefined for objects that say nothing. */
const WANTED: readonly Wanted[] = [
  { resource: CLUSTER_ROLES, severity: "error", keep: (object) => pick(object, ["rules", "aggregationRule"]) },
  { resource: CLUSTER_ROLE_BINDINGS, severity: "error", keep: (object) => pick(object, ["roleRef", "subjects"]) },
  { resource: ROLES, severity: "error", keep: (object) => pick(object, ["rules"]) },
  { resource: ROLE_BINDINGS, severity: "error", keep: (object) => pick(object, ["roleRef", "subjects"]) },
  {
    resource: NODES,
    severity: "error",
    keep: (object) => ({ status: { nodeInfo: { kubeletVersion: kubeletVersionOf(object) } } }),
  },
  { resource: SERVICE_ACCOUNTS, severity: "error", keep: () => ({}) },
  { resource: PODS, severity: "error", keep: (object) => ({ spec: podSpecOf(object) }) },
  { resource: CONFIG_MAPS, severity: "warning", keep: (object) => scrapeConfigurationOf(object) },
];

function kubeletVersionOf(object: ApiObject): unknown {
  const { status } = object as { readonly status?: { readonly nodeInfo?: { readonly kubeletVersion?: string } } };
  return status?.nodeInfo?.kubeletVersion ?? "";
}

/** Whose token it has, what it is, and the names of what configures it. */
function podSpecOf(object: ApiObject): Fields {
  const { spec = {} } = object as {
    readonly spec?: {
      readonly serviceAccountName?: string;
      readonly containers?: readonly { readonly name: string; readonly image?: string }[];
      readonly volumes?: readonly VolumeNames[];
    };
  };
  return {
    serviceAccountName: spec.serviceAccountName,
    containers: (spec.containers ?? []).map(({ name, image }) => ({ name, image })),
    volumes: (spec.volumes ?? []).flatMap(({ name, configMap, secret }) => [
      ...(configMap?.name === undefined ? [] : [{ name, configMap: { name: configMap.name } }]),
      ...(secret?.secretName === undefined ? [] : [{ name, secret: { secretName: secret.secretName } }]),
    ]),
  };
}

interface VolumeNames {
  readonly name: string;
  readonly configMap?: { readonly name?: string };
  readonly secret?: { readonly secretName?: string };
}

/** Replicas say the same but for their names: one of them is enough. */
function sayingOf(kind: string, namespace: string | undefined, kept: Fields): string | undefined {
  return kind === PODS.kind ? `${namespace ?? ""}/${JSON.stringify(kept)}` : undefined;
}

/** ConfigMaps are kept only when they scrape through the API server. */
function scrapeConfigurationOf(object: ApiObject): Fields | undefined {
  const { data } = object as { readonly data?: Readonly<Record<string, string>> };
  const kept = Object.entries(data ?? {}).filter(
    ([, text]) => text.includes("/api/v1/nodes/") && text.includes("/proxy"),
  );
  return kept.length === 0 ? undefined : { data: Object.fromEntries(kept) };
}

export interface CollectDeps {
  readonly client: ClusterClient;
  readonly progress: (text: string) => void;
}

const PAGE = 500;
/** Of a list whose pages expire. */
const ATTEMPTS = 3;

/** Lists what the audit needs. What may not be listed is written down; a server that can not be reached throws. */
export async function takeSnapshot(
  deps: CollectDeps,
  options: { readonly server: string; readonly now: string; readonly signal: AbortSignal },
): Promise<ClusterSnapshot> {
  const { client } = deps;
  const { signal } = options;
  const version = await client
    .getPath<{ readonly gitVersion?: string }>("/version", signal)
    .catch((reason: unknown) => {
      if (reason instanceof StatusError) return { gitVersion: "" };
      throw reason;
    });
  const items: unknown[] = [];
  const missing: ClusterSnapshot["missing"][number][] = [];
  for (const wanted of WANTED) {
    const { resource, severity } = wanted;
    try {
      for (const item of await listKept(deps, wanted, signal)) items.push(item);
    } catch (reason) {
      if (!(reason instanceof StatusError)) throw reason;
      missing.push({ resource: resourceName(resource), reason: messageOf(reason), severity });
    }
  }
  const decisive = [CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS].map(resourceName);
  const lacking = missing.find(({ resource }) => decisive.includes(resource));
  if (lacking !== undefined) {
    throw new OrlopError(
      "Invalid",
      `${options.server} does not let this user list ${lacking.resource}, without which nothing can be said: ${lacking.reason}; "view" is not enough, see docs/audit.md for the rights`,
    );
  }
  return {
    apiVersion: "audit.orlop.dev/v1alpha1",
    kind: SNAPSHOT_KIND,
    collectedAt: options.now,
    server: options.server,
    serverVersion: version.gitVersion ?? "",
    missing,
    items,
  };
}

async function listKept(deps: CollectDeps, wanted: Wanted, signal: AbortSignal): Promise<readonly unknown[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listInPages(deps, wanted, attempt, signal);
    } catch (reason) {
      // The server has forgotten the state the pages are of: from the beginning, at last in one piece.
      if (!(reason instanceof StatusError) || reason.status.code !== 410 || attempt >= ATTEMPTS) throw reason;
    }
  }
}

async function listInPages(
  { client, progress }: CollectDeps,
  { resource, keep }: Wanted,
  attempt: number,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  const said = new Set<string>();
  let count = 0;
  let next: string | undefined;
  do {
    const paging = attempt < ATTEMPTS ? { limit: PAGE, ...(next !== undefined && { continue: next }) } : {};
    const page = await client.list(resource, paging, signal);
    for (const object of page.items) {
      const kept = keep(object);
      const saying = kept && sayingOf(resource.kind, object.metadata?.namespace, kept);
      if (kept === undefined || (saying !== undefined && said.has(saying))) continue;
      if (saying !== undefined) said.add(saying);
      items.push({
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        metadata: metadataOf(object),
        ...kept,
      });
    }
    count += page.items.length;
    next = (page.metadata.continue ?? "") === "" ? undefined : page.metadata.continue;
    progress(`read ${count} ${resource.resource}`);
  } while (next !== undefined);
  return items;
}
