import { badRequest } from "../../api/status-error.ts";

/** Present and neither "false" nor "0", as the API conventions read booleans. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value.toLowerCase() !== "false" && value !== "0";
}

const INTEGER = /^[+-]?\d+$/;

/** A 64-bit integer; undefined when absent or empty. Throws StatusError 400 for anything else. */
export function integer(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const failed = (why: string): Error => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!INTEGER.test(text)) throw failed("invalid syntax");
  const value = BigInt(text.replace(/^\+/, ""));
  if (BigInt.asIntN(64, value) !== value) throw failed("value out of range");
  return value;
}
