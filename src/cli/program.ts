import { Command, CommanderError, Option } from "commander";
import { stringify } from "yaml";
import { addApiServerFlags } from "./api-server-flags.ts";
import { GIT_VERSION, KUBERNETES_VERSION, ORLOP_VERSION } from "../api/version.ts";
import { registerAuditCommands } from "./audit/register.ts";
import type { Commands, ConnectAuthorizationMode } from "./commands.ts";
import { CONNECT_AUTHORIZATION_MODES } from "./commands.ts";
import { completionScript } from "./completion.ts";
import { kubectlCompletion } from "./completions.ts";
import {
  collectList,
  parseAddress,
  parseEmulatedVersion,
  parseLogLevel,
  parseCount,
  parseNodeName,
  parsePort,
} from "./flag-values.ts";
import { addSELinuxCommands } from "./selinux/program.ts";
import { addSELinuxFlags } from "./selinux/flags.ts";
import { addKubeletFieldFlags } from "./kubelet-flags.ts";
import { addLeaderElectionFlags } from "./leader-election-flags.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_DATA_DIR = "/var/lib/orlop";
const DEFAULT_CONTROLLERS: readonly string[] = ["*"];

export interface ProgramOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** How the user calls the program. @default "orlop" */
  readonly name?: string;
}

/**
 * Reads argv (without node and script), runs the command and resolves with the exit code: 0 ok, 1 the thing failed, 2 wrong
 * usage or configuration. Never exits by itself.
 */
export async function runProgram(argv: readonly string[], commands: Commands, output: ProgramOutput): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(commands, output, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(withShortValues(argv), { from: "user" });
    return exitCode;
  } catch (reason) {
    if (reason instanceof CommanderError) return reason.exitCode === 0 ? 0 : 2;
    if (reason instanceof UsageError) {
      output.error(`orlop: ${reason.message}\n`);
      return 2;
    }
    throw reason;
  }
}

/** `-o=json` is how kubectl's users may write `-o json`. */
function withShortValues(argv: readonly string[]): string[] {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  return argv.flatMap((argument, position) =>
    position < end && /^-[a-zA-Z]=/.test(argument) ? [argument.slice(0, 2), argument.slice(3)] : [argument],
  );
}

/** The command tree; exported for completion and documentation. */
export function buildProgram(commands: Commands, output: ProgramOutput, finish: (code: number) => void): Command {
  const program = new Command(output.name ?? "orlop")
    .description("A Kubernetes node you can trust with other people's workloads")
    .exitOverride()
    .configureOutput({
      writeOut: output.out,
      writeErr: output.error,
      outputError: (text, write) => write(text.replace(/^error: /, "orlop: ")),
    })
    .showHelpAfterError(`(see ${output.name ?? "orlop"} --help)`)
    .enablePositionalOptions();
  const run =
    <T>(command: (options: T) => Promise<number>) =>
    async (options: T): Promise<void> =>
      finish(await command(options));

  const up = program
    .command("up")
    .description("run a one-machine cluster: API server, controllers and kubelet in one process, containerd beside it")
    .addOption(dataDir())
    .option("--secure-port <port>", "port of the API server", parsePort("--secure-port"), 6443)
    .option("--kubelet-port <port>", "port of the kubelet API", parsePort("--kubelet-port"), 10250)
    .option("--node-name <name>", "name of the node (default: the host name)", parseNodeName("--node-name"))
    .option(
      "--node-ip <address>",
      "address of the node (default: that of the default route)",
      parseAddress("--node-ip"),
    )
    .option(
      "--container-runtime-endpoint <endpoint>",
      "CRI socket to use instead of looking for one or provisioning one",
    )
    .addOption(featureGates())
    .addOption(emulatedVersion())
    .option("--no-node", "control plane only, no kubelet and no container runtime")
    .option("--no-default-storage", "no CSI driver and no default StorageClass")
    .option("--kubelet-config <file>", "KubeletConfiguration file for the node")
    .addOption(connectAuthorization().default("enforce"))
    .addOption(controllers())
    .option(
      "--controller-manager-port <port>",
      "port for health and metrics of the controllers, 0 for none",
      parsePort("--controller-manager-port", { zero: true }),
      0,
    )
    .addOption(logLevel())
    .action(run(commands.up));
  addApiServerFlags(up);
  addSELinuxFlags(up);

  program
    .command("down")
    .description("stop everything `orlop up` started in a data directory: pods, mounts, namespaces, network")
    .addOption(dataDir())
    .option("--purge", "also delete the data directory", false)
    .addOption(logLevel())
    .action(run(commands.down));

  const apiServer = program
    .command("apiserver")
    .description("the embedded API server alone")
    .addOption(dataDir())
    .option("--secure-port <port>", "port to listen on", parsePort("--secure-port"), 6443)
    .option("--bind-address <address>", "address to listen on", parseAddress("--bind-address"), "0.0.0.0")
    .addOption(featureGates())
    .addOption(emulatedVersion())
    .addOption(logLevel())
    .action(run(commands.apiserver));
  addApiServerFlags(apiServer);

  const kubelet = program
    .command("kubelet")
    .description("the node agent, against any Kubernetes API server")
    .option("--config <file>", "KubeletConfiguration (kubelet.config.k8s.io/v1beta1); flags win over the file")
    .option("--config-dir <directory>", "drop-in directory of *.conf files merged over --config in lexical order")
    .option("--kubeconfig <file>", "how to reach the API server")
    .option(
      "--bootstrap-kubeconfig <file>",
      "used to request a client certificate when --kubeconfig does not exist yet",
    )
    .option("--hostname-override <name>", "name of the node", parseNodeName("--hostname-override"))
    .option("--node-ip <address>", "address of the node", parseAddress("--node-ip"))
    .option("--root-dir <directory>", "where pods' volumes and state live", "/var/lib/kubelet")
    .option("--cert-dir <directory>", "where certificates live", "/var/lib/kubelet/pki")
    .option("--container-runtime-endpoint <endpoint>", "CRI socket (default: unix:///run/containerd/containerd.sock)")
    .addOption(featureGates())
    .addOption(emulatedVersion())
    .addOption(connectAuthorization())
    .addOption(logLevel())
    .option("--v <level>", "how much is logged, as upstream counts it: 4 and more is debug", parseCount("--v"))
    .action(run(commands.kubelet));
  addKubeletFieldFlags(kubelet);

  const manager = program
    .command("controller-manager")
    .description("the controllers, against any Kubernetes API server")
    .option("--kubeconfig <file>", "how to reach the API server (default: in-cluster credentials)")
    .addOption(controllers())
    .option("--tls-cert-file <file>", "serving certificate (default: one that is made at the start)")
    .option("--tls-private-key-file <file>", "its key")
    .option(
      "--client-ca-file <file>",
      "authorities of client certificates that are accepted beside tokens (default: those the cluster publishes)",
    )
    .option(
      "--authentication-skip-lookup",
      "do not look in the cluster (kube-system/extension-apiserver-authentication) for them",
      false,
    )
    .option(
      "--bind-address <address>",
      "address of the metrics and health port",
      parseAddress("--bind-address"),
      "0.0.0.0",
    )
    .option(
      "--secure-port <port>",
      "port for metrics and health, 0 for none",
      parsePort("--secure-port", { zero: true }),
      10257,
    )
    .addOption(featureGates())
    .addOption(logLevel())
    .action(run(commands.controllerManager));
  addLeaderElectionFlags(manager);
  addSELinuxFlags(manager);

  program
    .command("csi-driver")
    .description("a CSI driver with volumes on this node's disk (loop devices), and its provisioner; for one node")
    .option("--kubeconfig <file>", "how to reach the API server (default: in-cluster credentials)")
    .option("--root-dir <directory>", "root directory of the kubelet beside it", "/var/lib/kubelet")
    .option("--volumes-dir <directory>", "where images of volumes live", "/var/lib/orlop-volumes")
    .option("--node-name <name>", "name of the node (default: the host name)", parseNodeName("--node-name"))
    .addOption(logLevel())
    .action(run(commands.csiDriver));

  addSELinuxCommands(program, commands, run);

  registerAuditCommands(program, commands, run);

  program
    .command("version")
    .description("print the version")
    .addOption(new Option("-o, --output <format>", "output format").choices(["text", "json", "yaml"]).default("text"))
    .action((options: { readonly output: string }) => output.out(versionText(options.output)));

  program
    .command("completion")
    .description("print a completion script: source <(orlop completion bash)")
    .addArgument(program.createArgument("<shell>", "bash, zsh or fish").choices(["bash", "zsh", "fish"]))
    .action((shell: string) => output.out(completionScript(shell, program)));

  program
    .command("__complete [words...]", { hidden: true })
    .description("what may come next, as kubectl asks its plugins")
    .allowUnknownOption()
    .helpOption(false)
    .action((words: readonly string[]) => output.out(kubectlCompletion(words, program)));

  return program;
}

function versionText(format: string): string {
  const version = { orlop: ORLOP_VERSION, kubernetes: KUBERNETES_VERSION, gitVersion: GIT_VERSION };
  if (format === "json") return `${JSON.stringify(version, undefined, 2)}\n`;
  if (format === "yaml") return stringify(version);
  return `orlop ${ORLOP_VERSION} (Kubernetes ${KUBERNETES_VERSION})\n`;
}

function dataDir(): Option {
  return new Option("--data-dir <directory>", "where everything lives").default(DEFAULT_DATA_DIR);
}

function controllers(): Option {
  return new Option("--controllers <list>", "'*' is all that are on by default, 'name' adds, '-name' removes")
    .argParser((value: string, previous: readonly string[] | undefined) =>
      collectList(value, previous === DEFAULT_CONTROLLERS ? undefined : previous),
    )
    .default(DEFAULT_CONTROLLERS, "*");
}

function featureGates(): Option {
  return new Option("--feature-gates <list>", "Name=true|false pairs, separated by commas")
    .argParser(collectList)
    .default([], "none");
}

function emulatedVersion(): Option {
  return new Option("--emulated-version <version>", "behave as this Kubernetes minor version (1.31 to 1.37)").argParser(
    parseEmulatedVersion,
  );
}

function logLevel(): Option {
  return new Option("--log-level <level>", "debug, info, warn or error").argParser(parseLogLevel).default("info");
}

function connectAuthorization(): Option {
  return new Option(
    "--connect-authorization <mode>",
    "whether exec, attach, portForward and run need the verb create: enforce, warn or legacy",
  ).argParser((value): ConnectAuthorizationMode => {
    const mode = CONNECT_AUTHORIZATION_MODES.find((known) => known === value);
    if (mode === undefined) {
      throw new UsageError(
        `invalid value "${value}" for --connect-authorization: must be one of ${CONNECT_AUTHORIZATION_MODES.join(", ")}`,
      );
    }
    return mode;
  });
}
