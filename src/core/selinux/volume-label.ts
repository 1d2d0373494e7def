import type { ContainerContexts } from "./contexts-file.ts";
import { formatLabel, parseLabel, type SELinuxLabel, type SELinuxOptions } from "./label.ts";

/** The label of files for processes that run with `options`. */
export type FileLabel =
  | { readonly known: true; readonly label: string }
  /** Without a level nobody can say which categories the process will have. */
  | { readonly known: false; readonly because: "no-options" | "no-level" }
  | { readonly known: false; readonly because: "bad-defaults"; readonly text: string };

/**
 * Builds the file label a volume would be mounted with. The user and level of the options replace the default's; the type
 * stays the default file type, whatever the process type, and files keep role object_r.
 */
export function fileLabelOf(options: SELinuxOptions | undefined, contexts: ContainerContexts): FileLabel {
  const { user = "", role = "", type = "", level = "" } = options ?? {};
  if (user === "" && role === "" && type === "" && level === "") return { known: false, because: "no-options" };
  if (level === "") return { known: false, because: "no-level" };
  const file = parseLabel(contexts.file);
  if (file === undefined) return { known: false, because: "bad-defaults", text: contexts.file };
  return { known: true, label: formatLabel({ ...file, level, ...(user !== "" && { user }) }) };
}

/** The label as a cluster-wide observer knows it: only the given parts, unless the OS defaults are known. */
export function processLabelOf(options: SELinuxOptions | undefined, defaults?: SELinuxLabel): SELinuxLabel {
  const given = {
    user: options?.user ?? "",
    role: options?.role ?? "",
    type: options?.type ?? "",
    level: options?.level ?? "",
  };
  if (defaults === undefined || formatLabel(given) === "") return given;
  return {
    user: given.user === "" ? defaults.user : given.user,
    role: given.role === "" ? defaults.role : given.role,
    type: given.type === "" ? defaults.type : given.type,
    level: given.level === "" ? defaults.level : given.level,
  };
}
