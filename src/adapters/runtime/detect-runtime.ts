import { stat } from "node:fs/promises";
import { messageOf } from "../../lib/orlop-error.ts";
import type { RuntimeObserver } from "../../ports/container-runtime.ts";
import { meetsMinimum, MINIMUM_VERSIONS, versionIn } from "./runtime-versions.ts";

/** What was seen at one CRI socket. */
export type RuntimeFacts =
  | { readonly endpoint: string; readonly state: "absent" }
  | { readonly endpoint: string; readonly state: "silent"; readonly error: string }
  | {
      readonly endpoint: string;
      readonly state: "answering";
      /** As the runtime calls itself: "containerd", "cri-o". */
      readonly name: string;
      readonly version: string;
      readonly apiVersion: string;
      readonly networkReady: boolean;
      /** Whether the default handler can give pods their own user namespace. */
      readonly userNamespaces: boolean;
    };

/** Whether a runtime can carry the node; when not, `because` is a sentence for people. */
export type RuntimeVerdict =
  | { readonly suitable: true; readonly endpoint: string; readonly name: string; readonly version: string }
  | { readonly suitable: false; readonly endpoint: string; readonly because: string };

/** Decides over one runtime. */
export function judgeRuntime(facts: RuntimeFacts): RuntimeVerdict {
  const { endpoint } = facts;
  const no = (because: string): RuntimeVerdict => ({ suitable: false, endpoint, because });
  if (facts.state === "absent") return no(`there is no socket ${endpoint}`);
  if (facts.state === "silent") return no(`${endpoint} does not answer CRI v1 calls: ${facts.error}`);
  const version = versionIn(facts.version);
  const program = `${facts.name} ${facts.version} at ${endpoint}`;
  if (facts.apiVersion !== "v1") return no(`${program} speaks CRI ${facts.apiVersion}, v1 is needed`);
  const minimum = facts.name === "containerd" || facts.name === "cri-o" ? MINIMUM_VERSIONS[facts.name] : undefined;
  if (minimum !== undefined && !meetsMinimum(version, minimum)) {
    return no(`${program} is too old: user namespaces need ${facts.name} ${minimum} or newer`);
  }
  if (!facts.userNamespaces) {
    return no(
      `${program} can not give pods user namespaces: it needs runc ${MINIMUM_VERSIONS.runc} or newer (or crun)`,
    );
  }
  if (!facts.networkReady) return no(`${program} has no pod network: it finds no CNI configuration`);
  return { suitable: true, endpoint, name: facts.name, version: facts.version };
}

/** Sockets where distributions put a CRI runtime. */
export const USUAL_ENDPOINTS: readonly string[] = [
  "unix:///run/containerd/containerd.sock",
  "unix:///run/crio/crio.sock",
];

export interface DetectDeps {
  /** Connects to a CRI socket; nothing is sent before the first call. */
  readonly connect: (endpoint: string) => {
    readonly observer: Pick<RuntimeObserver, "version" | "status">;
    readonly close: () => void;
  };
}

export interface DetectOptions {
  /** Sockets to look at, best first. @default USUAL_ENDPOINTS */
  readonly endpoints?: readonly string[];
  readonly signal: AbortSignal;
}

export interface Detection {
  readonly chosen?: Extract<RuntimeVerdict, { suitable: true }>;
  /** Every runtime that was looked at and is not good enough; absent sockets are left out. */
  readonly refused: readonly Extract<RuntimeVerdict, { suitable: false }>[];
}

/** Looks for a runtime that already runs on this host and is good enough. */
export async function detectRuntime(deps: DetectDeps, options: DetectOptions): Promise<Detection> {
  const refused: Extract<RuntimeVerdict, { suitable: false }>[] = [];
  for (const endpoint of options.endpoints ?? USUAL_ENDPOINTS) {
    const facts = await readFacts(deps, endpoint, options.signal);
    const verdict = judgeRuntime(facts);
    if (verdict.suitable) return { chosen: verdict, refused };
    if (facts.state !== "absent" || options.endpoints !== undefined) refused.push(verdict);
  }
  return { refused };
}

async function readFacts(deps: DetectDeps, endpoint: string, signal: AbortSignal): Promise<RuntimeFacts> {
  const about = await stat(endpoint.replace(/^unix:\/\//, "")).catch(() => undefined);
  if (about?.isSocket() !== true) return { endpoint, state: "absent" };
  const connection = deps.connect(endpoint);
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MILLISECONDS)]);
    const info = await connection.observer.version(limited);
    const status = await connection.observer.status(limited);
    return {
      endpoint,
      state: "answering",
      ...info,
      networkReady: status.networkReady,
      userNamespaces: status.handlers.find((handler) => handler.name === "")?.userNamespaces === true,
    };
  } catch (cause) {
    signal.throwIfAborted();
    return { endpoint, state: "silent", error: messageOf(cause) };
  } finally {
    connection.close();
  }
}

const PROBE_MILLISECONDS = 3_000;
