import { type CommandResult, type RunOptions, runCommand, type TestCluster } from "./cluster.ts";
import { kubectlPath, type KubectlVersion } from "./kubectl.ts";

export interface Kubectl {
  /** Runs kubectl; never throws for a non-zero exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Standard output; throws with both outputs when kubectl fails. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Applies manifests from text. */
  apply(manifest: string): Promise<string>;
  /** Runs kubectl in a terminal of its own (`-it`), typing `input`. */
  terminal(args: readonly string[], input: string, options?: RunOptions): Promise<CommandResult>;
}

/** A real kubectl of one version against one cluster. */
export async function kubectlFor(
  cluster: Pick<TestCluster, "kubeconfig">,
  version: KubectlVersion = "1.36",
): Promise<Kubectl> {
  const program = await kubectlPath(version);
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: "/nonexistent" };
  const run: Kubectl["run"] = (args, options = {}) =>
    runCommand(program, args, { ...options, env: { ...env, ...options.env } });
  const ok: Kubectl["ok"] = async (args, options) => {
    const { code, stdout, stderr } = await run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} exited with ${code}\n${stderr}${stdout}`);
    return stdout;
  };
  return {
    run,
    ok,
    apply: (manifest) => ok(["apply", "-f", "-"], { input: manifest }),
    terminal: (args, input, options = {}) => {
      const quoted = [program, ...args].map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(" ");
      return runCommand("script", ["-qec", quoted, "/dev/null"], {
        ...options,
        input,
        env: { ...env, TERM: "dumb", ...options.env },
      });
    },
  };
}
