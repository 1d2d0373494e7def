/** Default labels of containers on a host, from the OS contexts file (selinux-volumes.md section 3). */
export interface ContainerContexts {
  /** Label of container processes, e.g. `system_u:system_r:container_t:s0`. */
  readonly process: string;
  /** Label of files containers may write, e.g. `system_u:object_r:container_file_t:s0`. */
  readonly file: string;
  readonly readOnlyFile: string;
}

/** Reads `key = "value"` lines; comments start with # or ;. undefined when process or file is missing. */
export function parseContextsFile(text: string): ContainerContexts | undefined {
  const values = new Map<string, string>();
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const equals = line.indexOf("=");
    if (equals < 0) continue;
    values.set(
      line.slice(0, equals).trim(),
      line
        .slice(equals + 1)
        .trim()
        .replace(/^"|"$/g, ""),
    );
  }
  const process = values.get("process");
  const file = values.get("file");
  if (process === undefined || file === undefined) return undefined;
  return { process, file, readOnlyFile: values.get("ro_file") ?? file };
}
