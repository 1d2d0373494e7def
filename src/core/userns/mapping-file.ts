import type { Result } from "../../lib/result.ts";
import { failed, ok } from "../../lib/result.ts";
import type { IdRange } from "./id-pool.ts";

interface MappingLine {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

/** Contents of `pods/<uid>/userns`, in the form a Kubernetes kubelet reads and writes (user-namespaces.md 4.1). */
export function formatMappingFile(range: IdRange): string {
  const lines: readonly MappingLine[] = [{ hostId: range.firstId, containerId: 0, length: range.length }];
  return JSON.stringify({ uidMappings: lines, gidMappings: lines });
}

/**
 * Reads a mapping file. `touched` are the host ranges that can be made out even of an unusable file, so that they stay
 * reserved; it is "unknown" when not even that can be told.
 */
export type ParsedMapping =
  | { readonly usable: true; readonly range: IdRange }
  | { readonly usable: false; readonly reason: string; readonly touched: readonly IdRange[] | "unknown" };

export function parseMappingFile(text: string): ParsedMapping {
  const decoded = decode(text);
  if (!decoded.ok) return { usable: false, reason: decoded.reason, touched: "unknown" };
  const { uid, gid } = decoded.value;
  const touched = [...uid, ...gid].map(({ hostId, length }) => ({ firstId: hostId, length }));
  const unusable = (reason: string): ParsedMapping => ({
    usable: false,
    reason,
    touched: touched.length === 0 ? "unknown" : touched,
  });
  const [uidLine] = uid;
  const [gidLine] = gid;
  if (uid.length !== 1 || uidLine === undefined) {
    return unusable("invalid user namespace configuration: no more than one mapping allowed.");
  }
  if (gid.length !== uid.length || gidLine === undefined) {
    return unusable("invalid user namespace configuration: GID and UID mappings should be identical.");
  }
  if (
    uidLine.hostId !== gidLine.hostId ||
    uidLine.containerId !== gidLine.containerId ||
    uidLine.length !== gidLine.length
  ) {
    return unusable("invalid user namespace configuration: GID and UID mapping should be identical");
  }
  if (uidLine.containerId !== 0) return unusable("invalid user namespace configuration: UID 0 must be mapped");
  return { usable: true, range: { firstId: uidLine.hostId, length: uidLine.length } };
}

function decode(text: string): Result<{ readonly uid: readonly MappingLine[]; readonly gid: readonly MappingLine[] }> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (reason) {
    return failed(`invalid user namespace mappings file: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
  const uid = linesOf(parsed, "uidMappings");
  const gid = linesOf(parsed, "gidMappings");
  if (uid === undefined || gid === undefined) {
    return failed("invalid user namespace mappings file: uidMappings and gidMappings must be lists of 32 bit numbers");
  }
  return ok({ uid, gid });
}

function linesOf(parsed: unknown, key: string): readonly MappingLine[] | undefined {
  const list = fieldOf(parsed, key);
  if (list === undefined || list === null)
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? [] : undefined;
  if (!Array.isArray(list)) return undefined;
  const lines: MappingLine[] = [];
  for (const entry of list) {
    const hostId = uint32(fieldOf(entry, "hostId"));
    const containerId = uint32(fieldOf(entry, "containerId"));
    const length = uint32(fieldOf(entry, "length"));
    if (hostId === undefined || containerId === undefined || length === undefined) return undefined;
    lines.push({ hostId, containerId, length });
  }
  return lines;
}

/** Upstream's decoder takes keys without regard to case; a file written by it must stay readable. */
function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const entry = Object.entries(value).find(([name]) => name.toLowerCase() === key.toLowerCase());
  return entry?.[1];
}

function uint32(value: unknown): number | undefined {
  if (value === undefined) return 0;
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 2 ** 32 - 1 ? value : undefined;
}
