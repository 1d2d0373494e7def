import { invalidValue } from "../../api/field-error.ts";
import type { KindDefinition } from "../../api/kinds/definition.ts";
import { badRequest, conflict, invalid } from "../../api/status-error.ts";
import type { KubernetesObject, ObjectMeta } from "../../api/types.ts";
import { entryKey } from "../storage/entry.ts";
import { requiresVersionInUpdate } from "./kind-policies.ts";

const LOCKED = "the object has been modified; please apply your changes to the latest version and try again";

/** The URL, the object that was sent and the stored one must speak of the same thing. */
export function checkIdentity(
  kind: KindDefinition,
  namespace: string,
  name: string,
  { metadata }: KubernetesObject,
  old: KubernetesObject,
): void {
  checkName(name, metadata);
  checkNamespace(kind, namespace, metadata);
  const uid = metadata?.uid ?? "";
  if (uid === "" || uid === old.metadata?.uid) return;
  const path = `/registry/${kind.resource}/${entryKey(kind.namespaced ? namespace : "", name)}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata?.uid ?? ""}`;
  throw conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

/** Throws StatusError 400. */
export function checkName(name: string, metadata: ObjectMeta | undefined): void {
  const sent = metadata?.name ?? "";
  if (sent === name) return;
  throw badRequest(`the name of the object (${sent}) does not match the name on the URL (${name})`);
}

/** Throws StatusError 400 when the object names another namespace than the URL. What has none may name any: it is dropped. */
export function checkNamespace(
  kind: Pick<KindDefinition, "namespaced">,
  namespace: string,
  metadata: ObjectMeta | undefined,
): void {
  const sent = metadata?.namespace ?? "";
  if (!kind.namespaced || sent === "" || sent === namespace) return;
  throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

/** Throws StatusError Conflict unless the object was made from the stored version, or says nothing about it. */
export function checkVersion(
  kind: KindDefinition,
  name: string,
  { metadata }: KubernetesObject,
  old: KubernetesObject,
): void {
  const version = metadata?.resourceVersion ?? "";
  if (version === "" || version === "0") {
    if (!requiresVersionInUpdate(kind)) return;
    const missing = invalidValue("metadata.resourceVersion", 0, "must be specified for an update");
    throw invalid({ group: kind.group, kind: kind.resource }, name, [missing]);
  }
  if (version !== old.metadata?.resourceVersion) throw conflict(kind, name, LOCKED);
}
