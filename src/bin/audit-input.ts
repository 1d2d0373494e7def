import { parseEmbedded } from "../adapters/manifests/documents.ts";
import { readManifests } from "../adapters/manifests/read-manifests.ts";
import { type AuditInputBuilder, createAuditInput } from "../core/audit/input-builder.ts";
import type { AuditInput } from "../core/audit/input.ts";
import type { Origin } from "../core/audit/origin.ts";
import { fieldsOf, textOf } from "../core/audit/fields.ts";
import { scrapeInText, scrapesThroughApiServer } from "../core/audit/scrape-config.ts";
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

/** Configurations travel as texts in ConfigMaps and Secrets, and inside custom resources. */
function addScrapes(builder: AuditInputBuilder, value: unknown, origin: Origin, defaultNamespace: string): void {
  const object = fieldsOf(value);
  const metadata = fieldsOf(object["metadata"]);
  const holder = {
    kind: textOf(object["kind"]) ?? "",
    namespace: textOf(metadata["namespace"]) ?? defaultNamespace,
    name: textOf(metadata["name"]) ?? "",
    key: "",
  };
  const add = (scrapes: ReturnType<typeof scrapesThroughApiServer>): void => {
    for (const scrape of scrapes) builder.addScrape({ object: scrape, origin });
  };
  if (holder.kind !== "ConfigMap" && holder.kind !== "Secret") {
    // RBAC objects are the many; they have none.
    if (object["spec"] !== undefined) add(scrapesThroughApiServer(value, holder));
    return;
  }
  const texts = [
    ...Object.entries(fieldsOf(object["stringData"])),
    ...Object.entries(fieldsOf(object["data"])).map(
      ([key, text]) => [key, holder.kind === "Secret" ? decoded(text) : text] as const,
    ),
  ];
  for (const [key, text] of texts) {
    if (typeof text !== "string" || !text.includes("/api/v1/nodes/")) continue;
    const found = scrapesThroughApiServer(parseEmbedded(text), { ...holder, key });
    add(found.length > 0 ? found : scrapeInText(text, { ...holder, key }));
  }
}

function decoded(text: unknown): unknown {
  return typeof text === "string" ? Buffer.from(text, "base64").toString("utf8") : text;
}
