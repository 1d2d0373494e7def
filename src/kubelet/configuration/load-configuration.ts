import {
  completeKubeletConfiguration,
  encodeKubeletConfiguration,
  type KubeletConfiguration,
  type KubeletConfigurationDocument,
  readKubeletConfigurationDocument,
} from "../../api/kubelet-configuration.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { FileReader } from "../../ports/files.ts";

export interface ConfigurationSources {
  /** What holds where neither files nor flags say anything. */
  readonly defaults?: KubeletConfigurationDocument;
  /** --config; absent: defaults. */
  readonly file?: string;
  /** --config-dir: files ending in ".conf" below it are merged over the file, in the order of their paths. */
  readonly directory?: string;
  /** What flags say; it wins over all files. */
  readonly flags?: KubeletConfigurationDocument;
}

const FILE_LIMIT_BYTES = 4 * 2 ** 20;
const DROP_IN = ".conf";

/** Reads, merges and checks the kubelet's configuration. Throws OrlopError Invalid with file and field. */
export async function loadKubeletConfiguration(
  files: Pick<FileReader, "read" | "list">,
  sources: ConfigurationSources,
): Promise<KubeletConfiguration> {
  const { file, directory, defaults = {}, flags = {} } = sources;
  let document = file === undefined ? defaults : mergeDocuments(defaults, await readDocument(files, file));
  if (directory !== undefined) {
    // Drop-ins change what is in force, defaults included: a single evictionHard signal keeps the default others.
    document = documentOf(completeKubeletConfiguration(document, describe({ file })));
    for (const path of await dropIns(files, directory)) {
      document = mergeDocuments(document, await readDocument(files, path));
    }
  }
  return completeKubeletConfiguration(mergeDocuments(document, flags), describe(sources));
}

function documentOf(configuration: KubeletConfiguration): KubeletConfigurationDocument {
  const { kind: _kind, apiVersion: _apiVersion, ...document } = encodeKubeletConfiguration(configuration);
  return document;
}

function describe({ file, directory }: { readonly file?: string | undefined; readonly directory?: string }): string {
  const parts = [file, directory].filter((part) => part !== undefined);
  return parts.length === 0 ? "from flags" : parts.join(" with ");
}

async function readDocument(files: Pick<FileReader, "read">, path: string): Promise<KubeletConfigurationDocument> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path, FILE_LIMIT_BYTES);
  } catch (cause) {
    throw new OrlopError("Invalid", `cannot read the kubelet configuration ${path}`, { cause });
  }
  return readKubeletConfigurationDocument(new TextDecoder().decode(bytes), path);
}

async function dropIns(files: Pick<FileReader, "list">, directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = await files.list(directory).catch((cause: unknown) => {
    throw new OrlopError("Invalid", `cannot list the configuration directory ${directory}`, { cause });
  });
  for (const { name, kind } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${directory}/${name}`;
    if (kind === "directory") found.push(...(await dropIns(files, path)));
    else if (name.endsWith(DROP_IN)) found.push(path);
  }
  return found;
}

function isMap(value: unknown): value is KubeletConfigurationDocument {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON merge patch (RFC 7386), as upstream merges drop-ins: lists are replaced, null takes a field away. */
export function mergeDocuments(
  base: KubeletConfigurationDocument,
  patch: KubeletConfigurationDocument,
): KubeletConfigurationDocument {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (isMap(value)) {
      const before = result[name];
      result[name] = mergeDocuments(isMap(before) ? before : {}, value);
    } else result[name] = value;
  }
  return result;
}
