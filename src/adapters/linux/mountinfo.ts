import { splitMountOptions } from "../../lib/mount-options.ts";
import type { MountEntry } from "../../ports/host-mounts.ts";

const ESCAPED = /\\([0-7]{3})/g;

function unescape(text: string): string {
  return text.replaceAll(ESCAPED, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(" ");
  const separator = fields.indexOf("-", 6);
  const [id, parentId, device, root, target, options] = fields;
  const [filesystem, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || options === undefined || superOptions === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device: device ?? "",
    root: unescape(root ?? ""),
    target: unescape(target ?? ""),
    options: options.split(","),
    shared: fields.slice(6, separator).some((field) => field.startsWith("shared:")),
    filesystem: filesystem ?? "",
    source: unescape(source ?? ""),
    // A security context with categories holds commas, and then stands in quotes.
    superOptions: splitMountOptions(superOptions),
  };
}

/** Parses /proc/<pid>/mountinfo (proc(5)). A line it can not read makes the whole answer undefined: nobody may act on half a list. */
export function parseMountInfo(text: string): readonly MountEntry[] | undefined {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const entry = parseLine(line);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries;
}
