import { type Command, Option } from "commander";
import { FAIL_ON } from "../../core/audit/threshold.ts";
import type { Commands } from "../commands.ts";
import { addClusterFlags } from "../cluster-flags.ts";
import { UsageError } from "../usage-error.ts";
import { type AuditKubeletOptions, POLICY_FORMS, POLICY_MODES, REPORT_FORMS } from "./options.ts";

type Run = <T>(command: (options: T) => Promise<number>) => (options: T) => Promise<void>;

/** The tools for clusters that exist already. */
export function registerAuditCommands(program: Command, commands: Commands, run: Run): void {
  addClusterFlags(
    program
      .command("audit")
      .description("find out what a cluster, or manifests, let whom do")
      .command("kubelet [paths...]")
      .description("who can run commands through kubelets and read what they serve, how, and what they need instead")
      .option("-f, --filename <path>", "file, folder, snapshot, or - for standard input; may be repeated", collectPaths)
      .option("-n, --namespace <name>", "taken for objects in manifests that name none", "default")
      .addOption(new Option("-o, --output <form>", "form of the report").choices([...REPORT_FORMS]).default("table"))
      .option("--output-file <file>", "write the report there instead of to standard output")
      .addOption(
        new Option("--fail-on <threshold>", "what makes the exit code 1").choices([...FAIL_ON]).default("run-commands"),
      )
      .option("--allow-incomplete", "exit with 0 although some of the input could not be read", false)
      .option("--exceptions <file>", "YAML with accepted findings: exceptions: [{subject, reason, expires}]")
      .option("--baseline <file>", "an earlier report (-o json); only what was added since counts")
      .option("--audit-log <file>", "API-server audit log (JSON lines, gzip, -); may be repeated", collectPaths)
      .addOption(
        new Option("--kubelet-version <version>", "taken for kubelets whose version is not known")
          .default("1.36")
          .argParser(kubeletVersion),
      )
      .option(
        "--subject <name>",
        "only this user or ServiceAccount (system:serviceaccount:NAMESPACE:NAME), or group:NAME",
      )
      .option("--no-color", "no colour, also on a terminal")
      .option("-q, --quiet", "no progress on standard error", false),
  ).action(async (paths: readonly string[], flags: Flags) =>
    run(commands.auditKubelet)({
      ...flags,
      files: [...paths, ...(flags.filename ?? [])],
      auditLog: flags.auditLog ?? [],
    }),
  );

  addClusterFlags(
    program
      .command("collect")
      .description("save what `orlop audit` needs of a cluster, to look at it elsewhere")
      .option("-o, --output <file>", "gzip when it ends in .gz; - for standard output", "-")
      .option("-q, --quiet", "no progress on standard error", false),
  ).action(async (flags: Parameters<Commands["collect"]>[0]) => run(commands.collect)(flags));

  program
    .command("policy")
    .description("write admission policies")
    .command("nodes-proxy")
    .description("refuse ClusterRoles that would let their holders run commands through kubelets")
    .addOption(new Option("--form <form>", "which policy engine").choices([...POLICY_FORMS]).default("vap"))
    .addOption(
      new Option("--mode <mode>", "what happens to such a ClusterRole").choices([...POLICY_MODES]).default("deny"),
    )
    .option("--exceptions <file>", "YAML with exceptions: [{role, reason, expires}]")
    .option("--strict", "refuse also changes of ClusterRoles that had it before", false)
    .action(run(commands.policy));
}

type Flags = Omit<AuditKubeletOptions, "files" | "auditLog"> & {
  readonly filename?: readonly string[];
  readonly auditLog?: readonly string[];
};

/** Paths may hold commas, so these are not lists. */
function collectPaths(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function kubeletVersion(value: string): string {
  if (/^v?1\.\d{1,3}([.+-].*)?$/.test(value)) return value;
  throw new UsageError(`invalid value "${value}" for --kubelet-version: must be a version such as 1.31 or v1.35.2`);
}
