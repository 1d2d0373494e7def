import { type Command, Option } from "commander";
import type { Commands } from "../commands.ts";
import { parseLogLevel } from "../flag-values.ts";
import { addLabelFlags, parseKey } from "./flags.ts";
import { CONFLICT_FORMATS, FAIL_ON, GATE_FORMATS, OPT_OUT_FORMS } from "./options.ts";
import { addClusterFlags } from "../cluster-flags.ts";

type Run = <T>(command: (options: T) => Promise<number>) => (options: T) => Promise<void>;

/** `orlop selinux …`: is a cluster ready for SELinuxMount, and how to make it so. */
export function addSELinuxCommands(program: Command, commands: Commands, run: Run): void {
  const selinux = program
    .command("selinux")
    .description("find pods that could not share their volumes once SELinuxMount is on, and settle it");

  source(selinux.command("conflicts"))
    .description("list all conflicts of a cluster, or of manifests")
    .addOption(new Option("-o, --output <format>", "output format").choices(CONFLICT_FORMATS).default("table"))
    .addOption(
      new Option(
        "--fail-on <what>",
        "exit with 1 for conflicts that are there now (ReadWriteOncePod volumes), for any, or when the gate is unsafe",
      )
        .choices(FAIL_ON)
        .default("none"),
    )
    .option("--controller <url>", "ask a running controller manager, e.g. https://10.0.0.7:10257")
    .option(
      "--certificate-authority <file>",
      "authority of the controller's certificate (default: the API server's, of the kubeconfig)",
    )
    .option("--insecure-skip-tls-verify", "trust the controller's certificate whatever it is", false)
    .action(run(commands.selinuxConflicts));

  source(selinux.command("gate"))
    .description("is it safe to turn SELinuxMount on: yes or no with reasons; exits with 1 for no")
    .addOption(new Option("-o, --output <format>", "output format").choices(GATE_FORMATS).default("text"))
    .option(
      "--publish <namespace/name>",
      "also write the report to this ConfigMap, with an event on it",
      parseKey("--publish"),
    )
    .action(run(commands.selinuxGate));

  source(selinux.command("opt-out"))
    .description("make workloads in conflict keep recursive labelling; never only one side of a conflict")
    .addOption(new Option("--form <form>", "what to write").choices(OPT_OUT_FORMS).default("strategic"))
    .option("--claim <namespace/name>", "only conflicts on volumes of this claim", parseKey("--claim"))
    .option("--workload <namespace/Kind/name>", "only conflicts of this workload, with all others in them")
    .option("--dry-run", "let the API server try the patches and show the difference", false)
    .option("--apply", "patch the workloads, after a dry run of all of them", false)
    .action(run(commands.selinuxOptOut));
}

function source(command: Command): Command {
  return addLabelFlags(
    addClusterFlags(command)
      .option(
        "-f, --filename <file>",
        "manifests to look at instead of a cluster, - for standard input; may be repeated",
        (value: string, previous: readonly string[]) => [...previous, value],
        [] as readonly string[],
      )
      .option("-n, --namespace <namespace>", "only conflicts in which pods of this namespace take part")
      .addOption(
        new Option("--log-level <level>", "debug, info, warn or error").argParser(parseLogLevel).default("warn"),
      ),
  );
}
