import { mkdtemp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PrivateRuntime, startPrivateRuntime } from "../../src/adapters/runtime/start-private-runtime.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { freePort, runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { type KubeletProcess, startKubelet } from "./harness/kubelet-process.ts";
import { waitFor } from "./harness/wait-for.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => silent };
const NODE = "alone";

/** A kubelet of its own process against an API server elsewhere: it joins by bootstrap, and outlives whatever goes away. */
describe("orlop kubelet", () => {
  let folder = "";
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let runtime: PrivateRuntime;
  let kubelet: KubeletProcess | undefined;
  let port = 0;
  let healthzPort = 0;

  const startRuntime = async (): Promise<void> => {
    const options = { dataDir: cluster.dataDir, signal: AbortSignal.timeout(240_000) };
    runtime = await startPrivateRuntime({ log: silent, clock: createSystemClock() }, options);
  };
  const start = (more: readonly string[] = []): KubeletProcess =>
    startKubelet([
      ...["--config", join(folder, "kubelet.yaml"), "--config-dir", join(folder, "conf.d")],
      ...["--kubeconfig", join(folder, "kubelet.kubeconfig"), "--bootstrap-kubeconfig", cluster.kubeconfig],
      ...["--root-dir", join(cluster.dataDir, "kubelet"), "--cert-dir", join(folder, "pki")],
      ...["--hostname-override", NODE, "--port", String(port), "--healthz-port", String(healthzPort)],
      ...["--audit-log-path", join(folder, "audit.log"), ...more],
    ]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-kubelet-"));
    cluster = await startCluster({ args: ["--no-node"] });
    kubectl = await kubectlFor(cluster);
    await startRuntime();
    [port, healthzPort] = [await freePort(), await freePort()];
    await mkdir(join(folder, "conf.d"));
    await mkdir(join(folder, "manifests"));
    await writeFile(
      join(folder, "kubelet.yaml"),
      `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
port: 1
maxPods: 20
failSwapOn: false
failCgroupV1: false
serverTLSBootstrap: true
rotateCertificates: true
cgroupRoot: /orlop-e2e-alone
podLogsDir: ${join(folder, "pod-logs")}
staticPodPath: ${join(folder, "manifests")}
containerRuntimeEndpoint: ${runtime.endpoint}
authentication: {x509: {clientCAFile: ${join(cluster.dataDir, "pki/ca.crt")}}}
`,
    );
    await writeFile(
      join(folder, "conf.d/20-more.conf"),
      "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 33\n",
    );
  });
  afterAll(async () => {
    await kubelet?.stop();
    await runtime?.stop(AbortSignal.timeout(20_000));
    await cluster?.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  const readyCondition = async (): Promise<string> =>
    await kubectl.ok([
      "get",
      "node",
      NODE,
      "-o",
      `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}`,
    ]);
  const untilReady = async (wanted: RegExp, timeout = 90_000): Promise<string> =>
    await waitFor(
      `Ready to be ${wanted.source}`,
      async () => {
        const condition = await readyCondition();
        return wanted.test(condition) ? condition : undefined;
      },
      { timeout },
    );
  const asApiServer = (path: string): Promise<{ readonly stdout: string }> => {
    const pki = join(cluster.dataDir, "pki");
    const client = ["--cert", `${pki}/apiserver-kubelet-client.crt`, "--key", `${pki}/apiserver-kubelet-client.key`];
    // The name in the certificate is the node's; nobody resolves it here.
    const where = ["--cacert", `${pki}/ca.crt`, "--connect-to", `${NODE}:${port}:127.0.0.1:${port}`];
    return runCommand("curl", ["-s", "-w", "\n%{http_code}", ...client, ...where, `https://${NODE}:${port}${path}`]);
  };
  const health = async (): Promise<string> =>
    (await runCommand("curl", ["-s", "-w", " %{http_code}", `http://127.0.0.1:${healthzPort}/healthz`])).stdout;

  it("says in one sentence what is wrong with its files, and exits with 2", async () => {
    for (const [more, sentence] of [
      [["--kubeconfig", "/nope", "--bootstrap-kubeconfig", "/neither"], /kubeconfig \/neither can not be read/],
      [["--config", "/nope"], /cannot read the kubelet configuration \/nope/],
      [["--client-ca-file", "/nope"], /clientCAFile.*\/nope/],
      [["--tls-cert-file", "/nope"], /tlsCertFile/],
      [["--authorization-mode", "Maybe"], /unknown authorization mode Maybe/],
    ] as const) {
      // The kubeconfig of an administrator: only so that nothing is asked for before the error.
      const wrong = start(["--kubeconfig", cluster.kubeconfig, ...more]);
      expect(await wrong.exited, sentence.source).toBe(2);
      expect(wrong.log()).toMatch(sentence);
      // The starter script may have had to build first.
      const said = wrong
        .log()
        .trim()
        .split("\n")
        .filter((line) => line !== "orlop: building");
      expect(said).toHaveLength(1);
    }
  });

  it("joins by bootstrap: asks for its client certificate, keeps it for its owner, registers the node", async () => {
    kubelet = start();
    await kubelet.ready;
    await untilReady(/^True/);
    const client = new X509Certificate(await readFile(join(folder, "pki/kubelet-client-current.pem")));
    expect(client.subject).toContain(`CN=system:node:${NODE}`);
    for (const file of ["kubelet.kubeconfig", "pki/kubelet-client-current.pem"]) {
      expect((await stat(join(folder, file))).mode & 0o777, file).toBe(0o600);
    }
    expect(await kubectl.ok(["get", "node", NODE, "-o", "jsonpath={.status.capacity.pods}"])).toBe("33");
  });

  it("has no serving certificate until its request is approved, and then one that verifies", async () => {
    expect((await asApiServer("/healthz")).stdout).toMatch(/000$/);
    const pending = await waitFor("the request", async () => {
      const names = await kubectl.ok([
        ...["get", "csr", "--field-selector=spec.signerName=kubernetes.io/kubelet-serving", "-o", "name"],
      ]);
      return names.trim() === "" ? undefined : names.trim().split("\n");
    });
    await kubectl.ok(["certificate", "approve", ...pending.map((name) => name.split("/")[1] ?? "")]);
    await waitFor("the certificate", async () =>
      (await asApiServer("/healthz")).stdout === "ok\n200" ? true : undefined,
    );
  });

  it("serves, runs pods and keeps trying while the API server is away, and catches up", async () => {
    await kubectl.ok(["run", "before", "--image=busybox", "--restart=Always", "--", "sleep", "100000"]);
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/before", "--timeout=90s"]);
    expect((await asApiServer("/pods")).stdout).toMatch(/200$/);

    await cluster.stop();
    expect(await health()).toBe("ok 200");
    // What was allowed a moment ago is remembered; what was never asked can not be, and is refused.
    expect((await asApiServer("/pods")).stdout).toMatch(/"name":"before"[\s\S]*200$/);
    await writeFile(
      join(folder, "manifests/static.yaml"),
      "apiVersion: v1\nkind: Pod\nmetadata: {name: static}\nspec: {hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, '100000']}]}\n",
    );
    await waitFor(
      "the static pod",
      async () => {
        const { stdout } = await asApiServer("/runningpods/");
        return stdout.includes(`static-${NODE}`) ? true : undefined;
      },
      { timeout: 60_000 },
    );

    await cluster.start();
    await untilReady(/^True/);
    await waitFor("the mirror pod", async () => {
      const phase = await kubectl.ok(["get", "pod", `static-${NODE}`, "-o", "jsonpath={.status.phase}"]);
      return phase === "Running" ? true : undefined;
    });
    expect(
      await kubectl.ok(["get", "pod", "before", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"]),
    ).toBe("0");
  });

  it("serves and keeps trying while its container runtime is away; the node says so, and recovers", async () => {
    await runtime.stop(AbortSignal.timeout(20_000));
    const condition = await untilReady(/^False/, 120_000);
    expect(condition).toMatch(/container runtime/);
    expect(await health()).toBe("ok 200");
    expect((await asApiServer("/pods")).stdout).toMatch(/200$/);
    expect((await asApiServer("/metrics")).stdout).toMatch(/200$/);
    expect((await asApiServer("/stats/summary")).stdout).toMatch(/\n(200|500)$/);

    await startRuntime();
    await untilReady(/^True/);
    await waitFor("exec to work again", async () => {
      const { stdout } = await kubectl.run(["exec", "before", "--", "echo", "back"]);
      return stdout.trim() === "back" ? true : undefined;
    });
    expect(
      await kubectl.ok(["get", "pod", "before", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"]),
    ).toBe("0");
  });
});
