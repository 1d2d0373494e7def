import { describe, expect, it } from "vitest";
import type { Commands } from "./commands.ts";
import { runProgram } from "./program.ts";

async function run(
  ...argv: string[]
): Promise<{ code: number; out: string; error: string; called: readonly [string, unknown][] }> {
  const called: [string, unknown][] = [];
  const record =
    (name: string) =>
    async (options: unknown): Promise<number> => {
      called.push([name, options]);
      return 0;
    };
  const commands: Commands = {
    up: record("up"),
    down: record("down"),
    apiserver: record("apiserver"),
    kubelet: record("kubelet"),
    controllerManager: record("controller-manager"),
    csiDriver: record("csi-driver"),
    auditKubelet: record("audit kubelet"),
    collect: record("collect"),
    policy: record("policy nodes-proxy"),
    selinuxConflicts: record("selinux conflicts"),
    selinuxGate: record("selinux gate"),
    selinuxOptOut: record("selinux opt-out"),
  };
  let out = "";
  let error = "";
  const code = await runProgram(argv, commands, { out: (text) => (out += text), error: (text) => (error += text) });
  return { code, out, error, called };
}

describe("runProgram()", () => {
  it("gives up the documented defaults", async () => {
    const { called } = await run("up");
    expect(called).toEqual([
      [
        "up",
        {
          dataDir: "/var/lib/orlop",
          securePort: 6443,
          kubeletPort: 10250,
          featureGates: [],
          node: true,
          defaultStorage: true,
          auditLogMaxbackup: 10,
          auditLogMaxsize: 100,
          connectAuthorization: "enforce",
          controllers: ["*"],
          controllerManagerPort: 0,
          selinuxConflictSeries: 10_000,
          logLevel: "info",
        },
      ],
    ]);
  });

  it("turns on the SELinux warning controller as upstream does", async () => {
    const { called } = await run("controller-manager", "--controllers=*,selinux-warning-controller");
    expect(called).toMatchObject([["controller-manager", { controllers: ["*", "selinux-warning-controller"] }]]);
    const up = await run("up", "--controllers", "*", "--controllers", "selinux-warning-controller");
    expect(up.called).toMatchObject([["up", { controllers: ["*", "selinux-warning-controller"] }]]);
  });

  it("takes kube-controller-manager's flags of leader election", async () => {
    const { called } = await run(
      ...[
        "controller-manager",
        "--leader-elect",
        "--leader-elect-lease-duration=1m",
        "--leader-elect-resource-lock=leases",
      ],
      ...["--leader-elect-resource-name", "l", "--leader-elect-resource-namespace=ns", "--authentication-skip-lookup"],
    );
    expect(called).toMatchObject([
      [
        "controller-manager",
        {
          leaderElect: true,
          leaderElectLeaseDuration: 60_000,
          leaderElectRenewDeadline: 10_000,
          leaderElectRetryPeriod: 2_000,
          leaderElectResourceName: "l",
          leaderElectResourceNamespace: "ns",
          authenticationSkipLookup: true,
        },
      ],
    ]);
    expect((await run("controller-manager", "--leader-elect=false")).called).toMatchObject([
      ["controller-manager", { leaderElect: false }],
    ]);
    expect((await run("controller-manager", "--leader-elect-retry-period=-1s")).code).toBe(2);
    expect((await run("controller-manager", "--leader-elect-resource-lock=endpoints")).code).toBe(2);
  });

  it("parses the selinux commands", async () => {
    const { called } = await run("selinux", "conflicts", "-f", "a.yaml", "-f", "-", "--fail-on=any", "-o", "json");
    expect(called).toMatchObject([
      ["selinux conflicts", { filename: ["a.yaml", "-"], failOn: "any", output: "json", insecureSkipTlsVerify: false }],
    ]);
    const short = await run("selinux", "conflicts", "-o=yaml", "-n=shop");
    expect(short.called).toMatchObject([["selinux conflicts", { output: "yaml", namespace: "shop" }]]);
    expect((await run("selinux", "gate", "--publish=nothing")).code).toBe(2);
    expect((await run("selinux", "opt-out", "--form=none")).code).toBe(2);
    expect((await run("selinux", "conflicts", "--selinux-process-label=s0")).code).toBe(2);
  });

  it("parses the flags of the contract", async () => {
    const { called } = await run(
      ...[
        "up",
        "--data-dir",
        "/d",
        "--secure-port=7443",
        "--kubelet-port",
        "20250",
        "--node-name",
        "n-1",
        "--node-ip",
        "10.0.0.7",
      ],
      ...[
        "--feature-gates",
        "A=true,B=false",
        "--feature-gates=C=true",
        "--emulated-version",
        "kube=1.35",
        "--no-node",
      ],
    );
    expect(called[0]?.[1]).toMatchObject({
      dataDir: "/d",
      securePort: 7443,
      kubeletPort: 20250,
      nodeName: "n-1",
      nodeIp: "10.0.0.7",
      featureGates: ["A=true", "B=false", "C=true"],
      emulatedVersion: "1.35",
      node: false,
    });
  });

  it.each([
    [
      ["up", "--secure-port", "x"],
      `orlop: invalid value "x" for --secure-port: must be a port number between 1 and 65535\n`,
    ],
    [
      ["up", "--secure-port", "70000"],
      `orlop: invalid value "70000" for --secure-port: must be a port number between 1 and 65535\n`,
    ],
    [["up", "--node-ip", "300.1.1.1"], `orlop: invalid value "300.1.1.1" for --node-ip: must be an IP address\n`],
    [["up", "--node-name", "Bad_Name"], "--node-name"],
    [["up", "--emulated-version", "latest"], "--emulated-version"],
    [["up", "--connect-authorization", "off"], "must be one of enforce, warn, legacy"],
    [["up", "--unknown-flag"], "unknown option '--unknown-flag'"],
    [["sail"], "unknown command 'sail'"],
    [["completion", "tcsh"], "tcsh"],
  ])("answers %j with exit code 2 and says why", async (argv, text) => {
    const { code, error, called } = await run(...argv);
    expect(code).toBe(2);
    expect(error).toContain(text);
    expect(called).toEqual([]);
  });

  it("prints help and versions with exit code 0", async () => {
    expect((await run("--help")).out).toContain("controller-manager");
    expect((await run("up", "--help")).out).toContain("--kubelet-port");
    expect((await run("version")).out).toMatch(/^orlop \d+\.\d+\.\d+ \(Kubernetes 1\.36\.\d+\)\n$/);
    expect(JSON.parse((await run("version", "-o", "json")).out)).toHaveProperty("gitVersion");
    expect((await run("--help")).code).toBe(0);
  });

  it("takes Go-style booleans and controller lists", async () => {
    const { called } = await run(
      "controller-manager",
      "--leader-elect=false",
      "--controllers=*,selinux-warning-controller",
    );
    expect(called[0]?.[1]).toMatchObject({ leaderElect: false, controllers: ["*", "selinux-warning-controller"] });
    expect((await run("controller-manager", "--leader-elect")).called[0]?.[1]).toMatchObject({
      leaderElect: true,
      controllers: ["*"],
    });
  });

  it.each(["bash", "zsh", "fish"])("prints a %s completion that knows every command", async (shell) => {
    const { out } = await run("completion", shell);
    for (const name of ["up", "down", "apiserver", "kubelet", "controller-manager"]) expect(out).toContain(name);
    expect(out).toContain("secure-port");
    expect(out).not.toContain("__complete");
  });

  it("completes the values of a flag for the command they belong to", async () => {
    const { out } = await run("completion", "bash");
    expect(out).toContain('"audit -o" | "audit --output") words="table wide json');
    expect(out).not.toContain('"collect -o"');
  });

  it("tells kubectl what may come next", async () => {
    const { out, code } = await run("__complete", "--", "audit", "kubelet", "--fail-on", "ind");
    expect({ out, code }).toEqual({ out: "indirect\n:4\n", code: 0 });
  });
});
