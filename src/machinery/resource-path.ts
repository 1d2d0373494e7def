import type { ApiObject, ObjectKey, Resource } from "./resources.ts";

function rootPath(resource: Resource): string {
  return resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
}

/** e.g. "/api/v1/namespaces/default/pods"; without a namespace, all of them. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const inNamespace =
    resource.namespaced && namespace !== undefined && namespace !== ""
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : "";
  return `${rootPath(resource)}${inNamespace}/${resource.resource}`;
}

/** Throws RangeError where the key does not name one object. */
export function itemPath(resource: Resource, key: ObjectKey, subresource = ""): string {
  if (key.name === "") throw new RangeError(`A name is needed to address one of ${resource.resource}`);
  if (resource.namespaced && (key.namespace ?? "") === "") {
    throw new RangeError(`A namespace is needed to address ${resource.resource} "${key.name}"`);
  }
  const item = `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === "" ? item : `${item}/${subresource}`;
}

export function keyOfObject(resource: Resource, object: ApiObject): ObjectKey {
  const { name = "", namespace } = object.metadata ?? {};
  return { name, ...(resource.namespaced && namespace !== undefined && { namespace }) };
}

/** "?a=b", or "" for none; what is undefined is left out. */
export function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, value);
  return search.size === 0 ? "" : `?${search.toString()}`;
}
