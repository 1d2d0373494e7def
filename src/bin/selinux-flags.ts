import { parseLabel } from "../core/selinux/label.ts";
import type { LabelDefaults } from "../core/selinux/label-defaults.ts";
import type { SELinuxFlags } from "../cli/selinux/options.ts";

/** The defaults that the label flags name; a file label that is not given is the process label's with the usual role and type. */
export function labelDefaultsOf(
  flags: Pick<SELinuxFlags, "selinuxProcessLabel" | "selinuxFileLabel">,
): LabelDefaults | undefined {
  const process = parseLabel(flags.selinuxProcessLabel ?? "");
  const file = parseLabel(flags.selinuxFileLabel ?? "");
  if (process === undefined && file === undefined) return undefined;
  const known = process ?? file;
  const { user, level } = known ?? { user: "system_u", level: "s0" };
  return {
    process: process ?? { user, role: "system_r", type: "container_t", level },
    file: file ?? { user, role: "object_r", type: "container_file_t", level },
  };
}
