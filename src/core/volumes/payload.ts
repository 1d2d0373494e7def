import type { ConfigMap, KeyToPath, Secret } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

/** One file of a volume that the kubelet writes. */
export interface FileProjection {
  readonly data: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Owner; absent: root. */
  readonly user?: number;
}

/** Relative, cleaned path to file. */
export type Payload = ReadonlyMap<string, FileProjection>;

export const DEFAULT_FILE_MODE = 0o644;

const LONGEST_PATH = 4_096;
const LONGEST_NAME = 255;

/** Why a path may not be projected; undefined when it may. Texts as upstream's atomic writer. */
export function projectedPathProblem(path: string): string | undefined {
  if (path === "") return `invalid path: must not be empty: ""`;
  if (path.startsWith("/")) return `invalid path: must be relative path: ${path}`;
  if (path.length > LONGEST_PATH) return `invalid path: must be less than or equal to ${LONGEST_PATH} characters`;
  const names = path.split("/");
  if (names.includes("..")) return `invalid path: must not contain '..': ${path}`;
  if (names.some((name) => name.length > LONGEST_NAME)) {
    return `invalid path: filenames must be less than or equal to ${LONGEST_NAME} characters`;
  }
  return path.startsWith("..") ? `invalid path: must not start with '..': ${path}` : undefined;
}

/** Drops empty and "." components. */
export function cleanPath(path: string): string {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
}

/** Checks and cleans every path. Two names for one file, or a file that is also needed as folder, are refused. */
export function cleanPayload(payload: Payload): Result<Payload> {
  const cleaned = new Map<string, FileProjection>();
  for (const [path, file] of payload) {
    const problem = projectedPathProblem(path);
    if (problem !== undefined) return failed(problem);
    const clean = cleanPath(path);
    if (clean === "") return failed(`invalid path: must not be empty: ${JSON.stringify(path)}`);
    if (clean.startsWith("..")) return failed(`invalid path: must not start with '..': ${path}`);
    cleaned.set(clean, file);
  }
  for (const path of cleaned.keys()) {
    const folder = parentFolders(path).find((parent) => cleaned.has(parent));
    if (folder !== undefined) return failed(`invalid path: ${folder} is a file and the folder of ${path}`);
  }
  return ok(cleaned);
}

/** All folders above a path, nearest first: "a/b/c" gives "a/b", "a". */
export function parentFolders(path: string): readonly string[] {
  const names = path.split("/");
  return names.slice(1).map((_, index) => names.slice(0, names.length - 1 - index).join("/"));
}

const encoder = new TextEncoder();

/** Bytes of standard base64, as Secret.data and ConfigMap.binaryData carry them. */
export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

interface KeyedSource {
  readonly items: readonly KeyToPath[] | undefined;
  readonly defaultMode: number;
  readonly optional: boolean;
}

function projectKeys(
  keys: ReadonlyMap<string, Uint8Array>,
  { items, defaultMode, optional }: KeyedSource,
  missing: (key: string) => string,
): Result<Payload> {
  if (items === undefined || items.length === 0) {
    return ok(new Map([...keys].map(([key, data]) => [key, { data, mode: defaultMode }])));
  }
  const payload = new Map<string, FileProjection>();
  for (const { key, path, mode } of items) {
    const data = keys.get(key);
    if (data === undefined) {
      if (optional) continue;
      return failed(missing(key));
    }
    payload.set(path, { data, mode: mode ?? defaultMode });
  }
  return ok(payload);
}

/** Files of a ConfigMap; `undefined` (it does not exist) is an empty one, which only `optional` allows its caller to pass. */
export function configMapPayload(configMap: ConfigMap | undefined, source: KeyedSource): Result<Payload> {
  const keys = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(configMap?.data ?? {})) keys.set(key, encoder.encode(text));
  for (const [key, base64] of Object.entries(configMap?.binaryData ?? {})) {
    if (!keys.has(key) || (source.items ?? []).length === 0) keys.set(key, decodeBase64(base64));
  }
  return projectKeys(keys, source, (key) => `configmap references non-existent config key: ${key}`);
}

export function secretPayload(secret: Secret | undefined, source: KeyedSource): Result<Payload> {
  const keys = new Map(Object.entries(secret?.data ?? {}).map(([key, base64]) => [key, decodeBase64(base64)]));
  return projectKeys(keys, source, (key) => `references non-existent secret key: ${key}`);
}

/** Whether the files on disk are those that are wanted. */
export function samePayload(a: Payload | undefined, b: Payload): boolean {
  if (a?.size !== b.size) return false;
  for (const [path, file] of b) {
    const other = a.get(path);
    if (other === undefined || other.mode !== file.mode || other.user !== file.user) return false;
    if (other.data.length !== file.data.length || !other.data.every((byte, at) => byte === file.data[at])) return false;
  }
  return true;
}
