import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import type { KubernetesObject } from "../api/types.ts";
import { UsageError } from "../cli/usage-error.ts";
import { shapeProblem } from "../core/selinux-report/manifest-shape.ts";
import { messageOf } from "../lib/orlop-error.ts";

/** The objects of files, `-` for standard input. Throws UsageError for what can not be read, makes no sense, or is nothing. */
export async function readManifests(files: readonly string[]): Promise<readonly KubernetesObject[]> {
  const objects = (await Promise.all(files.map(readFileOf))).flat();
  // A generator that failed before it must not look like a cluster without conflicts.
  if (objects.length === 0) throw new UsageError(`there are no objects in ${files.join(", ")}`);
  return objects;
}

async function readFileOf(file: string): Promise<readonly KubernetesObject[]> {
  let text: string;
  try {
    text = file === "-" ? await readStandardInput() : await readFile(file, "utf8");
  } catch (reason) {
    throw new UsageError(`the manifests ${file} can not be read: ${messageOf(reason)}`);
  }
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  const objects = documents.flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new UsageError(`the manifests ${file} are not YAML: ${problem.message}`);
    return objectsIn(withoutNulls(document.toJS() as unknown));
  });
  for (const object of objects) {
    const problem = shapeProblem(object);
    if (problem === undefined) continue;
    throw new UsageError(`${object.kind ?? ""} ${object.metadata?.name ?? ""} in ${file} makes no sense: ${problem}`);
  }
  return objects;
}

function objectsIn(value: unknown): readonly KubernetesObject[] {
  if (typeof value !== "object" || value === null || !("kind" in value)) return [];
  if ("items" in value && Array.isArray(value.items)) return value.items.flatMap((item: unknown) => objectsIn(item));
  return [value as KubernetesObject];
}

/** As API servers read it: a null is a field that is not there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map((item: unknown) => withoutNulls(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]) => (field === null ? [] : [[key, withoutNulls(field)]])),
  );
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}
