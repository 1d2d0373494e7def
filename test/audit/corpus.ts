import { fileURLToPath } from "node:url";
import { readManifests } from "../../src/adapters/manifests/read-manifests.ts";
import type { ClusterRole } from "../../src/api/types.ts";
import { createAuditInput } from "../../src/core/audit/input-builder.ts";
import type { AuditInput } from "../../src/core/audit/input.ts";

const FOLDER = fileURLToPath(new URL("./corpus", import.meta.url));

/** The rows other detectors get wrong, and what is true of them. */
export interface Corpus {
  readonly input: AuditInput;
  /** ClusterRoles of blind-spots.yaml, each bound to the ServiceAccount corpus/NAME. */
  readonly roles: readonly ClusterRole[];
  /** By name of the role: "runs-commands", "indirect" or "nothing". */
  readonly expected: ReadonlyMap<string, string>;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

export async function loadCorpus(): Promise<Corpus> {
  const builder = createAuditInput({ defaultNamespace: "default", wholeCluster: false });
  const expected = new Map<string, string>();
  const roles: ClusterRole[] = [];
  const items = readManifests({ paths: [FOLDER], stdin: nothing(), signal: new AbortController().signal });
  for await (const item of items) {
    if (item.type === "problem") throw new Error(`${item.file}:${item.line}: ${item.message}`);
    if (item.type !== "document") continue;
    const { value, file, line, ruleLines } = item;
    builder.add({ value, origin: { file, line }, ...(ruleLines !== undefined && { ruleLines }) });
    const role = value as ClusterRole;
    const expectation = role.metadata?.annotations?.["expect"];
    if (expectation === undefined) continue;
    expected.set(role.metadata?.name ?? "", expectation);
    roles.push(role);
  }
  return { input: builder.finish(), expected, roles };
}
