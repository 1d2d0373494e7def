import { isJsonObject, setKey } from "./json-value.ts";

/** JSON merge patch (RFC 7396). Neither argument is changed. Keys such as "__proto__" are data like all others. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = {};
  const old = isJsonObject(target) ? target : {};
  for (const [key, value] of Object.entries(old))
    if (patch[key] !== null || !Object.hasOwn(patch, key)) setKey(result, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null) setKey(result, key, mergePatch(Object.hasOwn(old, key) ? old[key] : undefined, value));
  }
  return result;
}
