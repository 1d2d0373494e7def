import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandResult, freePort, runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const ORLOP = join(ROOT, "orlop");
const MANIFESTS = join(ROOT, "deploy/controller-manager");
const EXAMPLE = join(ROOT, "docs/examples/selinux-conflict.yaml");

interface Manager {
  readonly port: number;
  readonly process: ChildProcess;
  log(): string;
}

/** Two controller managers of their own processes, with the shipped rights only, against an API server elsewhere. */
describe("the SELinux warning controller on a cluster given by kubeconfig", () => {
  let folder = "";
  let cluster: TestCluster;
  let kubectl: Kubectl;
  const managers: Manager[] = [];

  const startManager = async (): Promise<Manager> => {
    const port = await freePort();
    const args = [
      "controller-manager",
      `--kubeconfig=${join(folder, "kubeconfig")}`,
      "--controllers=selinux-warning-controller",
      "--leader-elect-resource-namespace=orlop-system",
      "--selinux-report=orlop-system/selinux-conflicts",
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
    ];
    const child = spawn(ORLOP, args, { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    const manager = { port, process: child, log: () => log };
    managers.push(manager);
    return manager;
  };
  const orlop = (...args: readonly string[]): Promise<CommandResult> =>
    runCommand(ORLOP, args, { env: { KUBECONFIG: cluster.kubeconfig } });
  const askController = ({ port }: Manager): Promise<CommandResult> =>
    orlop("selinux", "conflicts", `--controller=https://127.0.0.1:${port}`, "--insecure-skip-tls-verify", "-o=json");
  const eventsOf = async (): Promise<readonly string[]> => {
    const names = ["-n", "shop", "get", "events", "-o", "jsonpath={.items[*].metadata.name}"];
    const selector = "--field-selector=reason=SELinuxLabelConflict";
    return (await kubectl.ok([...names, selector])).split(" ").filter((name) => name !== "");
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-selinux-"));
    cluster = await startCluster({ args: ["--no-node"] });
    kubectl = await kubectlFor(cluster);
    for (const file of ["namespace.yaml", "rbac.yaml", "metrics-reader.yaml"]) {
      await kubectl.ok(["apply", "-f", join(MANIFESTS, file)]);
    }
    const token = await kubectl.ok(["-n", "orlop-system", "create", "token", "orlop-controller-manager"]);
    const admin = await readFile(cluster.kubeconfig, "utf8");
    const authority = /certificate-authority-data: (\S+)/.exec(admin)?.[1] ?? "";
    await writeFile(
      join(folder, "kubeconfig"),
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          {
            name: "c",
            cluster: { server: `https://127.0.0.1:${cluster.securePort}`, "certificate-authority-data": authority },
          },
        ],
        users: [{ name: "u", user: { token: token.trim() } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
      { mode: 0o600 },
    );
  });
  afterAll(async () => {
    for (const { process } of managers) {
      if (process.exitCode !== null || process.signalCode !== null) continue;
      process.kill("SIGTERM");
      await once(process, "exit");
    }
    await cluster?.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it("leads a newcomer from the first conflict to an empty list, through the loss of a leader", async () => {
    const first = await startManager();
    await waitFor("the first to lead", () => first.log().includes('"leading"') || undefined);
    const second = await startManager();
    await kubectl.ok(["apply", "-f", EXAMPLE]);

    await waitFor("events on both pods", async () => ((await eventsOf()).length === 2 ? true : undefined));
    const shown = await waitFor("the controller's report", async () => {
      const { code, stdout } = await askController(first);
      return code === 0 && stdout.includes('"thumbnails"') ? stdout : undefined;
    });
    expect(JSON.parse(shown)).toMatchObject({ complete: true, gate: { safe: false }, totals: { volumes: 1, pods: 2 } });
    // The one that waits says so instead of showing an empty list.
    expect(await askController(second)).toMatchObject({ code: 1, stderr: expect.stringContaining("another replica") });
    expect((await orlop("selinux", "gate")).code).toBe(1);

    const before = await eventsOf();
    first.process.kill("SIGKILL");
    await waitFor("the second to lead", () => second.log().includes('"leading"') || undefined, { timeout: 90_000 });
    await waitFor("its report", async () => {
      const { code, stdout } = await askController(second);
      return code === 0 && stdout.includes('"thumbnails"') ? true : undefined;
    });
    await waitFor("renewed events", async () => {
      const times = "jsonpath={.firstTimestamp} {.lastTimestamp}";
      const text = await kubectl.ok(["-n", "shop", "get", "events", before[0] ?? "", "-o", times]);
      const [started, renewed] = text.split(" ");
      return started !== renewed ? true : undefined;
    });
    expect(await eventsOf()).toEqual(before);

    await kubectl.ok(["-n", "shop", "delete", "pod", "web", "thumbnails", "--grace-period=0", "--force"]);
    const settled = (await readFile(EXAMPLE, "utf8")).replaceAll(
      "seLinuxOptions",
      "seLinuxChangePolicy: Recursive, seLinuxOptions",
    );
    await kubectl.apply(settled);
    expect(await orlop("selinux", "conflicts", "--fail-on=any")).toMatchObject({
      code: 0,
      stdout: "no conflicts; 2 pods on 1 volume looked at. Safe to turn SELinuxMount on: yes\n",
    });
    await waitFor("an empty report", async () => {
      const { stdout } = await askController(second);
      return stdout.includes('"safe": true') ? true : undefined;
    });
    const safe = ["-n", "orlop-system", "get", "configmap", "selinux-conflicts", "-o", "jsonpath={.data.safe}"];
    await waitFor("the published verdict", async () => ((await kubectl.ok(safe)) === "true" ? true : undefined));
    expect(second.log()).not.toMatch(/forbidden|"level":"(warn|error)"/);
  });
});
