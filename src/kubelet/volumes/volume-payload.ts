import type { Pod, Volume } from "../../api/types.ts";
import { type DownwardFile, downwardPayload } from "../../core/volumes/downward-api.ts";
import { fileUserOf } from "../../core/volumes/file-ownership.ts";
import {
  cleanPayload,
  configMapPayload,
  DEFAULT_FILE_MODE,
  type FileProjection,
  type Payload,
  secretPayload,
} from "../../core/volumes/payload.ts";
import type { CoreResourceList } from "../../core/volumes/resource-list.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Result } from "../../lib/result.ts";
import type { PodReferences } from "../pod-volumes.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";

export interface PayloadDeps {
  readonly references: PodReferences;
  readonly tokens: ServiceAccountTokens;
  /** What the node can give, for limits that are not set. */
  readonly allocatable: () => CoreResourceList;
}

type Projection = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

const DEFAULT_TOKEN_SECONDS = 3_600;
const PRIVATE_MODE = 0o600;

/** Collects the files of a configMap, secret, downwardAPI or projected volume. Throws OrlopError with the text people know. */
export async function volumePayload(
  deps: PayloadDeps,
  pod: Pod,
  volume: Volume,
  signal: AbortSignal,
): Promise<Payload> {
  const payload = await collect(deps, pod, volume, signal);
  return valueOf(cleanPayload(payload));
}

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new OrlopError("Invalid", result.reason, { retry: "backoff" });
  return result.value;
}

async function collect(deps: PayloadDeps, pod: Pod, volume: Volume, signal: AbortSignal): Promise<Payload> {
  const namespace = pod.metadata?.namespace ?? "";
  if (volume.configMap !== undefined) {
    const { name = "", items, defaultMode = DEFAULT_FILE_MODE, optional = false } = volume.configMap;
    return configMapFiles(deps, namespace, { name, items, defaultMode, optional }, signal);
  }
  if (volume.secret !== undefined) {
    const { secretName: name = "", items, defaultMode = DEFAULT_FILE_MODE, optional = false } = volume.secret;
    return secretFiles(deps, namespace, { name, items, defaultMode, optional }, signal);
  }
  if (volume.downwardAPI !== undefined) {
    const { items = [], defaultMode = DEFAULT_FILE_MODE } = volume.downwardAPI;
    return downwardFiles(deps, pod, items, defaultMode);
  }
  return projectedFiles(deps, pod, volume, signal);
}

interface NamedSource {
  readonly name: string;
  readonly items: Parameters<typeof configMapPayload>[1]["items"];
  readonly defaultMode: number;
  readonly optional: boolean;
}

async function configMapFiles(
  deps: PayloadDeps,
  namespace: string,
  source: NamedSource,
  signal: AbortSignal,
): Promise<Payload> {
  const found = await deps.references.configMap(namespace, source.name, signal);
  if (found === undefined && !source.optional)
    throw new OrlopError("NotFound", `configmap "${source.name}" not found`, { retry: "backoff" });
  return valueOf(configMapPayload(found, source));
}

async function secretFiles(
  deps: PayloadDeps,
  namespace: string,
  source: NamedSource,
  signal: AbortSignal,
): Promise<Payload> {
  const found = await deps.references.secret(namespace, source.name, signal);
  if (found === undefined && !source.optional)
    throw new OrlopError("NotFound", `secret "${source.name}" not found`, { retry: "backoff" });
  return valueOf(secretPayload(found, source));
}

function downwardFiles(deps: PayloadDeps, pod: Pod, items: readonly DownwardFile[], defaultMode: number): Payload {
  return valueOf(downwardPayload(pod, items, defaultMode, deps.allocatable()));
}

/** All sources together; a later one wins over an earlier one with the same path. All problems are told at once. */
async function projectedFiles(deps: PayloadDeps, pod: Pod, volume: Volume, signal: AbortSignal): Promise<Payload> {
  const payload = new Map<string, FileProjection>();
  const problems: string[] = [];
  const defaultMode = volume.projected?.defaultMode ?? DEFAULT_FILE_MODE;
  for (const source of volume.projected?.sources ?? []) {
    try {
      for (const [path, file] of await projectionFiles(deps, pod, source, defaultMode, signal)) payload.set(path, file);
    } catch (reason) {
      signal.throwIfAborted();
      problems.push(messageOf(reason));
    }
  }
  if (problems.length === 0) return payload;
  const text = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
  throw new OrlopError("Unavailable", text);
}

async function projectionFiles(
  deps: PayloadDeps,
  pod: Pod,
  source: Projection,
  defaultMode: number,
  signal: AbortSignal,
): Promise<Payload> {
  const namespace = pod.metadata?.namespace ?? "";
  if (source.configMap !== undefined) {
    const { name = "", items, optional = false } = source.configMap;
    return configMapFiles(deps, namespace, { name, items, defaultMode, optional }, signal);
  }
  if (source.secret !== undefined) {
    const { name = "", items, optional = false } = source.secret;
    return secretFiles(deps, namespace, { name, items, defaultMode, optional }, signal);
  }
  if (source.downwardAPI !== undefined) return downwardFiles(deps, pod, source.downwardAPI.items ?? [], defaultMode);
  if (source.serviceAccountToken !== undefined) {
    const { path, audience, expirationSeconds = DEFAULT_TOKEN_SECONDS } = source.serviceAccountToken;
    const wish = { expirationSeconds, ...(audience !== undefined && { audience }) };
    const token = await deps.tokens.token(pod, wish, signal);
    return new Map([[path, tokenFile(pod, token, defaultMode)]]);
  }
  const kind = Object.keys(source)[0] ?? "empty";
  throw new OrlopError("Unsupported", `projected volumes cannot hold a source of kind ${kind} yet`);
}

/** Only the one user the pod runs as, or its fsGroup, may read a token; when neither is known everybody in the pod may. */
function tokenFile(pod: Pod, token: string, defaultMode: number): FileProjection {
  const user = fileUserOf(pod);
  const restricted = user !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  return {
    data: new TextEncoder().encode(token),
    mode: restricted ? PRIVATE_MODE : defaultMode,
    ...(user !== undefined && { user }),
  };
}
