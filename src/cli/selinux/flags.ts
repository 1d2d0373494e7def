import { type Command, Option } from "commander";
import { parseLabel } from "../../core/selinux/label.ts";
import { UsageError } from "../usage-error.ts";

/** The flags of the controller, for every command it is part of. */
export function addSELinuxFlags(command: Command): void {
  addLabelFlags(command)
    .option(
      "--selinux-conflict-series <count>",
      "pairs of pods that the conflict metric shows at most, 0 for no limit",
      parseCount,
      10_000,
    )
    .addOption(
      new Option(
        "--selinux-report <namespace/name>",
        "ConfigMap in which the SELinux warning controller keeps its report",
      ).argParser(parseKey("--selinux-report")),
    );
}

export function addLabelFlags(command: Command): Command {
  return command
    .option(
      "--selinux-process-label <label>",
      "default label of containers on the nodes, to show full labels, e.g. system_u:system_r:container_t:s0",
      parseFullLabel("--selinux-process-label"),
    )
    .option(
      "--selinux-file-label <label>",
      "default label of their files, e.g. system_u:object_r:container_file_t:s0",
      parseFullLabel("--selinux-file-label"),
    );
}

function parseFullLabel(flag: string): (value: string) => string {
  return (value) => {
    const label = parseLabel(value);
    if (label === undefined || Object.values(label).includes("")) {
      throw new UsageError(`invalid value "${value}" for ${flag}: must be user:role:type:level`);
    }
    return value;
  };
}

function parseCount(value: string): number {
  if (!/^\d{1,9}$/.test(value)) {
    throw new UsageError(`invalid value "${value}" for --selinux-conflict-series: must be a whole number`);
  }
  return Number(value);
}

export function parseKey(flag: string): (value: string) => string {
  return (value) => {
    if (!/^[a-z0-9][-a-z0-9]*\/[a-z0-9][-.a-z0-9]*$/.test(value)) {
      throw new UsageError(`invalid value "${value}" for ${flag}: must be namespace/name`);
    }
    return value;
  };
}
