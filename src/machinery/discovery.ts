import { messageOf } from "../lib/orlop-error.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { defineResource, resourceName, type Resource } from "./resources.ts";

export interface ServedResource {
  readonly resource: Resource;
  readonly verbs: readonly string[];
}

export interface Discovery {
  /** Each resource once, in the version its group prefers; no subresources. */
  readonly served: readonly ServedResource[];
  /** Group versions of which the resources could not be learned, e.g. of an aggregated server that is down. */
  readonly failures: readonly { readonly groupVersion: string; readonly message: string }[];
}

interface GroupList {
  readonly groups?: readonly {
    readonly preferredVersion?: { readonly groupVersion: string };
    readonly versions?: readonly { readonly groupVersion: string }[];
  }[];
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs?: readonly string[];
  }[];
}

/** Asks the server what it serves. Throws only when it can not even tell its groups. */
export async function discover(client: ClusterClient, signal: AbortSignal): Promise<Discovery> {
  const { groups = [] } = await client.getPath<GroupList>("/apis", signal);
  const groupVersions = [
    "v1",
    ...groups.flatMap(({ preferredVersion, versions = [] }) => [
      ...new Set([preferredVersion, ...versions].flatMap((version) => version?.groupVersion ?? [])),
    ]),
  ];
  const served = new Map<string, ServedResource>();
  const failures: { readonly groupVersion: string; readonly message: string }[] = [];
  const lists = await Promise.all(
    groupVersions.map((groupVersion) =>
      client.getPath<ResourceList>(groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`, signal).then(
        (list) => ({ groupVersion, list }),
        (reason: unknown) => ({ groupVersion, failure: messageOf(reason) }),
      ),
    ),
  );
  signal.throwIfAborted();
  for (const answer of lists) {
    if ("failure" in answer) {
      failures.push({ groupVersion: answer.groupVersion, message: answer.failure });
      continue;
    }
    const [version = "", group = ""] = answer.groupVersion.split("/").toReversed();
    for (const { name, kind, namespaced, verbs = [] } of answer.list.resources ?? []) {
      if (name.includes("/")) continue;
      const resource = defineResource(group, version, name, kind, namespaced);
      const key = resourceName(resource);
      if (!served.has(key)) served.set(key, { resource, verbs });
    }
  }
  return { served: [...served.values()], failures };
}

/** Asks at most once in a while. */
export interface DiscoveryCache {
  get(signal: AbortSignal): Promise<Discovery>;
}

export function createDiscoveryCache(
  deps: { readonly client: ClusterClient; readonly clock: { monotonic(): number } },
  options: { readonly freshMs: number },
): DiscoveryCache {
  let known: Discovery | undefined;
  let askedAt = 0;
  return {
    async get(signal) {
      const now = deps.clock.monotonic();
      if (known === undefined || now - askedAt >= options.freshMs) {
        known = await discover(deps.client, signal);
        askedAt = now;
      }
      return known;
    },
  };
}
