import { canonicalLevel, formatLabel, type SELinuxLabel } from "./label.ts";

/** What the nodes' operating system fills in where a pod says nothing; both labels with all four parts. */
export interface LabelDefaults {
  /** Of container processes, e.g. `system_u:system_r:container_t:s0`. */
  readonly process: SELinuxLabel;
  /** Of files containers may write, e.g. `system_u:object_r:container_file_t:s0`. */
  readonly file: SELinuxLabel;
}

/** The label of the processes, as far as it is known; "" for one that demands nothing. Events show this. */
export function processLabelText(label: SELinuxLabel, defaults?: LabelDefaults): string {
  if (defaults === undefined || formatLabel(label) === "") return formatLabel(label);
  const { process } = defaults;
  return formatLabel({
    user: label.user || process.user,
    role: label.role || process.role,
    type: label.type || process.type,
    level: canonicalLevel(label.level || process.level),
  });
}

/** The label the volume would be mounted with: files keep the default's role and type. Metrics show this. */
export function fileLabelText(label: SELinuxLabel, defaults?: LabelDefaults): string {
  if (defaults === undefined || formatLabel(label) === "") return formatLabel(label);
  const { file } = defaults;
  return formatLabel({ ...file, user: label.user || file.user, level: canonicalLevel(label.level || file.level) });
}
