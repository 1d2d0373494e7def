import type { NodeStatus } from "../../api/types.ts";
import { conditionsChanged } from "./node-conditions.ts";

type Json = Readonly<Record<string, unknown>>;

/** Equal as JSON, whatever the order of keys. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]))
    );
  }
  const [left, right] = [present(a), present(b)];
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => sameJson(left[name], right[name]));
}

function present(value: object): Json {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** Empty lists are not stored, so they must not count as a change. */
function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function mapPatch(before: Json | undefined, after: Json): Json {
  const removed = Object.keys(before ?? {}).filter((name) => !(name in after) && name.startsWith("hugepages-"));
  return { ...after, ...Object.fromEntries(removed.map((name) => [name, null])) };
}

/**
 * Strategic merge patch from one status to another. Only fields that differ are in it; `changed` is false when only
 * heartbeats do. Conditions and extended resources of others stay.
 */
export function statusPatch(
  before: NodeStatus,
  after: NodeStatus,
): { readonly changed: boolean; readonly patch: { readonly status: Json } } {
  const status: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    const old = before[name as keyof NodeStatus];
    if (name === "conditions" || sameJson(old, value) || (isEmptyList(old) && isEmptyList(value))) continue;
    // Addresses merge by type, which would join two of one type: replace them.
    if (name === "addresses" && Array.isArray(value))
      status[name] = [...(value as readonly unknown[]), { $patch: "replace" }];
    else if (name === "capacity" || name === "allocatable") {
      if (containsAll(old as Json | undefined, value as Json)) continue;
      status[name] = mapPatch(old as Json | undefined, value as Json);
    } else status[name] = value;
  }
  const changed = Object.keys(status).length > 0 || conditionsChanged(before.conditions ?? [], after.conditions ?? []);
  return { changed, patch: { status: { ...status, conditions: after.conditions ?? [] } } };
}

/** Whether nothing would change: all wanted amounts are there, and no huge page size that is gone. */
function containsAll(before: Json | undefined, after: Json): boolean {
  if (before === undefined) return false;
  const stale = Object.keys(before).some((name) => name.startsWith("hugepages-") && !(name in after));
  return !stale && Object.entries(after).every(([name, value]) => before[name] === value);
}
