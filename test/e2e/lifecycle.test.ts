import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";

/** What a machine carries that `orlop down` must take back. */
async function traces(): Promise<Readonly<Record<string, readonly string[]>>> {
  const lines = async (program: string, args: readonly string[]): Promise<readonly string[]> =>
    (await runCommand(program, args)).stdout.split("\n").filter((line) => line !== "");
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" ")[4] ?? "");
  const links = await lines("ip", ["-o", "link", "show"]);
  return {
    mounts: mounts.filter((path) => /orlop|kubelet|netns/.test(path)).sort(),
    links: links
      .map((line) => line.split(": ")[1] ?? "")
      .filter((name) => /^(orlop|veth)/.test(name))
      .sort(),
    namespaces: (await lines("ip", ["netns", "list"])).toSorted(),
    rules: (await lines("nft", ["list", "tables"])).toSorted(),
  };
}

/** What is there now and was not before. */
async function newSince(before: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]> {
  const now = await traces();
  return Object.entries(now).flatMap(([kind, found]) => found.filter((one) => before[kind]?.includes(one) !== true));
}

async function processesOf(dataDir: string): Promise<readonly string[]> {
  const { stdout } = await runCommand("ps", ["-eo", "pid,args"]);
  return stdout.split("\n").filter((line) => line.includes(dataDir) && !line.includes("ps -eo"));
}

describe("orlop up and orlop down", () => {
  let before: Readonly<Record<string, readonly string[]>>;
  let cluster: TestCluster;
  let kubectl: Kubectl;

  beforeAll(async () => {
    before = await traces();
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
  });
  afterAll(() => cluster?.destroy());

  const containerId = (): Promise<string> =>
    kubectl.ok(["get", "pod", "keeper", "-o", "jsonpath={.status.containerStatuses[0].containerID}"]);

  it("writes a kubeconfig for its owner only, and closes the folders that hold secrets", async () => {
    expect((await stat(cluster.kubeconfig)).mode & 0o777).toBe(0o600);
    for (const folder of ["db", "pki"]) expect((await stat(join(cluster.dataDir, folder))).mode & 0o077).toBe(0);
    // Pods with IDs of their own must be able to pass through to their volumes; they need not read the folder.
    expect((await stat(cluster.dataDir)).mode & 0o777).toBe(0o711);
  });

  it("continues with the same pods after a clean stop", async () => {
    await kubectl.ok(["run", "keeper", "--image=busybox", "--restart=Always", "--", "sleep", "100000"]);
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s"]);
    const id = await containerId();
    expect(await cluster.stop()).toBe(0);
    await cluster.start();
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s"]);
    expect(await containerId()).toBe(id);
  });

  it("adopts what runs after kill -9", async () => {
    const id = await containerId();
    await cluster.stop("SIGKILL");
    await cluster.start();
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s"]);
    expect(await containerId()).toBe(id);
    expect(await kubectl.ok(["exec", "keeper", "--", "echo", "alive"])).toBe("alive\n");
  });

  it("refuses a second start on the same data directory with one sentence", async () => {
    const second = await runCommand(
      "./orlop",
      ["up", "--data-dir", cluster.dataDir, "--secure-port", "1", "--no-node"],
      { timeout: 30_000 },
    );
    expect(second.code).toBe(1);
    expect(
      second.stderr
        .trim()
        .split("\n")
        .filter((line) => line.startsWith("orlop: ")),
    ).toHaveLength(1);
  });

  it("leaves no process, mount, network namespace, bridge or packet-filter rule behind", async () => {
    await cluster.stop();
    const down = await runCommand("./orlop", ["down", "--data-dir", cluster.dataDir]);
    expect(down).toMatchObject({ code: 0 });
    expect(await processesOf(cluster.dataDir)).toEqual([]);
    expect(await newSince(before)).toEqual([]);
    expect((await stat(join(cluster.dataDir, "db"))).isDirectory()).toBe(true);
  });

  it("starts again after orlop down, and --purge deletes the data", async () => {
    await cluster.start();
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s"]);
    expect(await cluster.destroy()).toMatchObject({ code: 0 });
    await expect(stat(cluster.dataDir)).rejects.toThrow(/ENOENT/);
    expect(await newSince(before)).toEqual([]);
  });
});

describe("bad starts", () => {
  it.each([
    [["up", "--data-dir", "/proc/nope", "--no-node"], 1, "/proc/nope"],
    [["up", "--secure-port", "0"], 2, "--secure-port"],
    [["kubelet", "--kubeconfig", "/nonexistent/kubeconfig"], 2, "/nonexistent/kubeconfig"],
    [["up", "--no-node", "--feature-gates", "NoSuchGate=true", "--data-dir", "/tmp/orlop-e2e-never"], 2, "NoSuchGate"],
  ])("orlop %j says what is wrong", async (args, code, text) => {
    const result = await runCommand("./orlop", args, { timeout: 30_000 });
    expect(result.stderr).toContain(text);
    expect(result.code).toBe(code);
  });
});
