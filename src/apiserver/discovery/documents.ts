import type { DiscoveredResource } from "./resource-list.ts";

type GroupVersion = Pick<DiscoveredResource, "group" | "version">;

/** GET /api. */
export function legacyVersions(serverAddress: string): unknown {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** GET /apis. */
export function groupList(resources: readonly DiscoveredResource[]): unknown {
  const groups = [...new Set(resources.map(({ group }) => group))].filter((group) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map((group) => groupEntry(group, resources)) };
}

/** GET /apis/GROUP; undefined for a group that is not served. */
export function groupDocument(group: string, resources: readonly DiscoveredResource[]): unknown {
  if (group === "" || !resources.some((resource) => resource.group === group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupEntry(group, resources) };
}

function groupEntry(name: string, resources: readonly DiscoveredResource[]): object {
  const versions = versionsOf(name, resources).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function versionsOf(group: string, resources: readonly DiscoveredResource[]): readonly string[] {
  return [...new Set(resources.filter((resource) => resource.group === group).map(({ version }) => version))];
}

/** GET /api/v1 and /apis/GROUP/VERSION; undefined when it is not served. */
export function resourceList({ group, version }: GroupVersion, resources: readonly DiscoveredResource[]): unknown {
  const served = resources.filter((resource) => resource.group === group && resource.version === version);
  if (served.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    ...(group !== "" && { apiVersion: "v1" }),
    groupVersion: group === "" ? version : `${group}/${version}`,
    resources: served.flatMap((resource) => [resourceEntry(resource), ...subresourceEntries(resource)]),
  };
}

function resourceEntry(resource: DiscoveredResource): object {
  return {
    name: resource.resource,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
  };
}

function subresourceEntries({
  resource,
  namespaced,
  group,
  version,
  subresources,
}: DiscoveredResource): readonly object[] {
  return subresources.map(({ name, kind, verbs }) => ({
    name: `${resource}/${name}`,
    singularName: "",
    namespaced,
    ...((kind.group !== group || kind.version !== version) && { group: kind.group, version: kind.version }),
    kind: kind.kind,
    verbs,
  }));
}

/** Aggregated discovery (apidiscovery.k8s.io): everything of /api or of /apis in one document. */
export function aggregatedDocument(
  root: "api" | "apis",
  documentVersion: string,
  resources: readonly DiscoveredResource[],
): unknown {
  const served = resources.filter(({ group }) => (group === "") === (root === "api"));
  const groups = [...new Set(served.map(({ group }) => group))];
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${documentVersion}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group !== "" && { name: group }), creationTimestamp: null },
      versions: versionsOf(group, served).map((version) => ({
        version,
        resources: served.filter((each) => each.group === group && each.version === version).map(aggregatedEntry),
        freshness: "Current",
      })),
    })),
  };
}

function aggregatedEntry(resource: DiscoveredResource): object {
  const { group, version, kind } = resource;
  return {
    resource: resource.resource,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(resource.subresources.length > 0 && {
      subresources: resource.subresources.map(({ name, kind: { group, version, kind }, verbs }) => ({
        subresource: name,
        responseKind: { group, version, kind },
        verbs,
      })),
    }),
  };
}
