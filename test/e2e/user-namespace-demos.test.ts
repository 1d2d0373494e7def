import { dirname, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlPath } from "./harness/kubectl.ts";

const DEMOS = resolve(import.meta.dirname, "../../demos/user-namespaces");

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.destroy());

/** What a newcomer sees who runs one of them. */
async function demo(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const PATH = `${dirname(await kubectlPath("1.36"))}:${process.env["PATH"] ?? ""}`;
  const { code, stdout, stderr } = await runCommand(resolve(DEMOS, script), [], {
    env: { KUBECONFIG: cluster.kubeconfig, PATH, ...env },
    timeout: 240_000,
  });
  expect(stderr).toBe("");
  expect(code, stdout).toBe(0);
  return stdout;
}

describe("the demonstrations of docs/user-namespaces.md", () => {
  it("root inside, nobody outside", async () => {
    const text = await demo("a-root-inside.sh");
    expect(text).toContain("uid=0(root) gid=0(root)");
    const [, id = ""] = /runs as user (\d+)/.exec(text) ?? [];
    expect(Number(id)).toBeGreaterThanOrEqual(65536);
    expect(text).toContain(`no user of this host has ID ${id}`);
    expect(text).toMatch(/\/file belongs to 0:0\n\n== What kubectl shows/);
    expect(text).toContain(`orlop.dev/user-namespace-range: ${id}-${Number(id) + 65535}`);
  });

  it("administrator of its own network only", async () => {
    const text = await demo("b-network-admin.sh");
    expect(text).toContain("inet 192.0.2.9/24 scope global bridge9");
    expect(text).toContain('Device "bridge9" does not exist.');
    expect(text.match(/RTNETLINK answers: Operation not permitted/g)).toHaveLength(2);
  });

  it("two pods can not touch each other", async () => {
    const text = await demo("c-two-pods.sh");
    expect(text).toMatch(/cat: \/proc\/\d+\/root\/private\/key: Permission denied/);
    expect(text).toContain("Operation not permitted");
    expect(text).not.toMatch(/^secret$/m);
    expect(text).toMatch(/one +1\/1 +Running +0/);
  });

  it("a large volume is there at once", async () => {
    const text = await demo("d-constant-time.sh", { FILES: "5000" });
    expect(text).toMatch(/start of a pod with a volume of +10 files: +\d+ ms/);
    expect(text).toMatch(/start of a pod with a volume of +5000 files: +\d+ ms/);
    expect(text).toContain("a file belongs to 0:0");
    expect(text).toMatch(/chown -R of 5000 files: \d+ ms/);
  });

  it("break-outs end at the pod", async () => {
    const text = await demo("e-break-outs.sh");
    const outcomes = [...text.matchAll(/^ *(OPEN|BLOCKED|NOT POSSIBLE HERE)/gm)].map(([, outcome]) => outcome);
    // The second takes a host with control groups of version 1.
    const second = outcomes.includes("NOT POSSIBLE HERE") ? ["NOT POSSIBLE HERE"] : ["OPEN", "BLOCKED"];
    expect(outcomes, text).toEqual(["OPEN", "BLOCKED", ...second, "OPEN", "BLOCKED"]);
  });
});
