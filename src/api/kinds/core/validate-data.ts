import { forbiddenField, invalidFor, invalidValue, required, tooLong, when } from "../../field-error.ts";
import { byteLength, configKeyProblems } from "../../names.ts";
import { base64Length } from "../../schema/base64.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { ConfigMap, KubernetesObject, Secret } from "../../types.ts";

/** 1 MiB for all values together. */
const LARGEST = 1024 * 1024;

const FROZEN = "field is immutable when `immutable` is set";

/** What may not change any more once `immutable` was set. */
function frozenErrors(
  next: Readonly<Record<string, unknown>>,
  old: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): readonly FieldError[] {
  if (old["immutable"] !== true) return [];
  return [
    ...when(next["immutable"] !== true, forbiddenField("immutable", FROZEN)),
    ...fields.flatMap((field) => when(!deepEqual(next[field] ?? {}, old[field] ?? {}), forbiddenField(field, FROZEN))),
  ];
}

function decode(text: string): string {
  return new TextDecoder().decode(
    Uint8Array.from(atob(text.replace(/[\r\n]/gu, "")), (character) => character.charCodeAt(0)),
  );
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(decode(text));
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

function jsonErrors(data: Secret["data"], key: string): readonly FieldError[] {
  const value = data?.[key];
  const field = `data[${key}]`;
  if (value === undefined) return [required(field)];
  return when(!isJsonObject(value), invalidValue(field, "<secret contents redacted>", "must be a JSON object"));
}

const ACCOUNT = "kubernetes.io/service-account.name";

function typeErrors({ type = "", metadata, data }: Secret): readonly FieldError[] {
  const has = (key: string): boolean => data?.[key] !== undefined;
  switch (type) {
    case "kubernetes.io/service-account-token":
      return when((metadata?.annotations?.[ACCOUNT] ?? "") === "", required(`metadata.annotations[${ACCOUNT}]`));
    case "kubernetes.io/dockercfg":
      return jsonErrors(data, ".dockercfg");
    case "kubernetes.io/dockerconfigjson":
      return jsonErrors(data, ".dockerconfigjson");
    case "kubernetes.io/basic-auth":
      return has("username") || has("password") ? [] : [required("data[username]"), required("data[password]")];
    case "kubernetes.io/ssh-auth":
      return when((data?.["ssh-privatekey"] ?? "") === "", required("data[ssh-privatekey]"));
    case "kubernetes.io/tls":
      return ["tls.crt", "tls.key"].flatMap((key) => when(!has(key), required(`data[${key}]`)));
    default:
      return [];
  }
}

function keyErrors(data: object | undefined, field: string): readonly FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) => invalidFor(`${field}[${key}]`, key, configKeyProblems(key)));
}

export function validateSecret(object: KubernetesObject): readonly FieldError[] {
  const secret = object as Secret;
  const size = Object.values(secret.data ?? {}).reduce((sum, value) => sum + base64Length(value), 0);
  return [...keyErrors(secret.data, "data"), ...when(size > LARGEST, tooLong("data", LARGEST)), ...typeErrors(secret)];
}

export function validateSecretUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  const type = (object as Secret).type ?? "";
  return [
    ...when(type !== ((old as Secret).type ?? ""), invalidValue("type", type, "field is immutable")),
    ...frozenErrors(object, old, ["data"]),
    ...validateSecret(object),
  ];
}

export function validateConfigMap(object: KubernetesObject): readonly FieldError[] {
  const { data = {}, binaryData = {} } = object as ConfigMap;
  const texts = Object.values(data).reduce((sum, value) => sum + byteLength(value), 0);
  const size = Object.values(binaryData).reduce((sum, value) => sum + base64Length(value), texts);
  return [
    ...keyErrors(data, "data"),
    ...Object.keys(data)
      .filter((key) => binaryData[key] !== undefined)
      .map((key) => invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData")),
    ...keyErrors(binaryData, "binaryData"),
    ...when(size > LARGEST, tooLong("", LARGEST)),
  ];
}

export function validateConfigMapUpdate(object: KubernetesObject, old: KubernetesObject): readonly FieldError[] {
  return [...frozenErrors(object, old, ["data", "binaryData"]), ...validateConfigMap(object)];
}
