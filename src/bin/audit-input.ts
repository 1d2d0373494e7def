import { parseEmbedded } from "../adapters/manifests/documents.ts";
import { readManifests } from "../adapters/manifests/read-manifests.ts";
import { type AuditInputBuilder, createAuditInput } from "../core/audit/input-builder.ts";
import type { AuditInput } from "../core/audit/input.ts";
import type { Origin } from "../core/audit/origin.ts";
import { scrapesThroughApiServer } from "../core/audit/scrape-config.ts";
import { isSnapshot } from "./cluster-snapshot.ts";

export interface FileInputOptions {
  readonly paths: readonly string[];
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** Reads manifests and snapshots into what the audit works on. */
export async function inputFromFiles(options: FileInputOptions): Promise<AuditInput> {
  const builder = createAuditInput({ defaultNamespace: options.namespace, wholeCluster: false });
  let files = 0;
  for await (const item of readManifests({ paths: options.paths, stdin: process.stdin, signal: options.signal })) {
    if (item.type === "file") {
      builder.countFile();
      files += 1;
      if (files % 200 === 0) options.progress(`read ${files} files`);
      continue;
    }
    const origin = { file: item.file, line: item.line };
    if (item.type === "problem") builder.problem({ origin, message: item.message, severity: item.severity });
    else if (isSnapshot(item.value)) addSnapshot(builder, item.value);
    else {
      addObject(builder, item.value, origin, options.namespace, item.ruleLines);
    }
  }
  return builder.finish();
}

/** Everything of a snapshot, and of what it lacks. */
export function addSnapshot(builder: AuditInputBuilder, snapshot: ReturnType<typeof asSnapshot>): void {
  builder.setWholeCluster();
  builder.setApiServerVersion(snapshot.serverVersion);
  const origin = { file: "", line: 0 };
  for (const { resource, reason, severity } of snapshot.missing) {
    builder.problem({ origin, severity, message: `list ${resource}: ${reason}` });
  }
  for (const object of snapshot.items) addObject(builder, object, origin, "default");
}

const asSnapshot = (value: Parameters<typeof isSnapshot>[0]) => {
  if (!isSnapshot(value)) throw new TypeError("not a snapshot");
  return value;
};

function addObject(
  builder: AuditInputBuilder,
  value: unknown,
  origin: Origin,
  namespace: string,
  ruleLines?: readonly number[],
): void {
  builder.add({ value, origin, ...(ruleLines !== undefined && { ruleLines }) });
  addScrapes(builder, value, origin, namespace);
}

/** Configurations for Prometheus travel as texts in ConfigMaps and Secrets. */
function addScrapes(builder: AuditInputBuilder, value: unknown, origin: Origin, defaultNamespace: string): void {
  const object = value as {
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown } | null;
    readonly data?: unknown;
    readonly stringData?: unknown;
  } | null;
  const kind = object?.kind;
  if (kind !== "ConfigMap" && kind !== "Secret") return;
  const texts = Object.entries({ ...asTexts(object?.data), ...asTexts(object?.stringData) });
  for (const [key, text] of texts) {
    if (typeof text !== "string") continue;
    const plain =
      kind === "Secret" && object?.data !== undefined && !text.includes("\n")
        ? Buffer.from(text, "base64").toString("utf8")
        : text;
    if (!plain.includes("/api/v1/nodes/")) continue;
    const { name, namespace } = object?.metadata ?? {};
    const holder = {
      kind,
      namespace: typeof namespace === "string" ? namespace : defaultNamespace,
      name: typeof name === "string" ? name : "",
      key,
    };
    for (const scrape of scrapesThroughApiServer(parseEmbedded(plain), holder))
      builder.addScrape({ object: scrape, origin });
  }
}

function asTexts(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
