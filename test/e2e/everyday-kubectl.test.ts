import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { freePort, startCluster, type TestCluster } from "./harness/cluster.ts";
import { KUBECTL_VERSIONS, kubectlPath } from "./harness/kubectl.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const TWO_CONTAINERS = `
apiVersion: v1
kind: Pod
metadata:
  name: two
  labels: {app: two}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: one, image: busybox, command: [sh, -c, 'for i in 1 2 3 4 5; do echo line-$i; done; trap exit TERM; while :; do sleep 1; done']}
  - {name: other, image: busybox, command: [sh, -c, 'echo from-other; trap exit TERM; while :; do sleep 1; done']}
`;

describe.each(KUBECTL_VERSIONS)("everyday kubectl %s", (version) => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  const namespace = `v${version.replace(".", "-")}`;
  const inNamespace = (...args: string[]): string[] => ["-n", namespace, ...args];

  beforeAll(async () => {
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster, version);
    await kubectl.ok(["create", "namespace", namespace]);
    await waitFor("the default ServiceAccount", async () =>
      (await kubectl.run(inNamespace("get", "serviceaccount", "default"))).code === 0 ? true : undefined,
    );
    await kubectl.ok(inNamespace("apply", "-f", "-"), { input: TWO_CONTAINERS });
    await kubectl.ok(inNamespace("wait", "--for=condition=Ready", "pod/two", "--timeout=60s"));
  });
  afterAll(() => cluster?.destroy());

  it("get in every form", async () => {
    expect(await kubectl.ok(inNamespace("get", "pods"))).toMatch(
      /NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\ntwo\s+2\/2\s+Running\s+0\s+\d+s/,
    );
    expect(await kubectl.ok(inNamespace("get", "pods", "-o", "wide"))).toMatch(
      /IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES/,
    );
    expect(await kubectl.ok(inNamespace("get", "pods", "-o", "name"))).toBe("pod/two\n");
    expect(await kubectl.ok(inNamespace("get", "pod", "two", "-o", "jsonpath={.spec.containers[*].name}"))).toBe(
      "one other",
    );
    expect(await kubectl.ok(inNamespace("get", "pod", "two", "-o", "yaml"))).toContain("qosClass: BestEffort");
    expect(JSON.parse(await kubectl.ok(["get", "pods", "-A", "-o", "json"])).items.length).toBeGreaterThan(0);
    expect(await kubectl.ok(inNamespace("get", "pods", "-l", "app=two", "-o", "name"))).toBe("pod/two\n");
    expect(await kubectl.ok(inNamespace("get", "pods", "-l", "app in (other)", "-o", "name"))).toBe("");
    expect(await kubectl.ok(inNamespace("get", "pods", "--field-selector", "status.phase=Running", "-o", "name"))).toBe(
      "pod/two\n",
    );
    expect(await kubectl.ok(["get", "--chunk-size=2", "clusterroles", "-o", "name"])).toContain(
      "clusterrole.rbac.authorization.k8s.io/cluster-admin",
    );
    expect((await kubectl.run(inNamespace("get", "pod", "absent"))).stderr).toBe(
      'Error from server (NotFound): pods "absent" not found\n',
    );
  });

  it("describe and events", async () => {
    // A pod may be Ready a moment before the events that tell how it became so are written.
    await waitFor("the events of the pod", async () =>
      /Events:[\s\S]*Scheduled[\s\S]*Started/.test(await kubectl.ok(inNamespace("describe", "pod", "two")))
        ? true
        : undefined,
    );
    expect(await kubectl.ok(["describe", "node"])).toMatch(/Conditions:[\s\S]*KubeletReady[\s\S]*Allocatable/);
    expect(await kubectl.ok(inNamespace("events"))).toContain("Started");
  });

  it("create, apply, patch, label, annotate, replace, edit, delete", async () => {
    await kubectl.ok(inNamespace("create", "configmap", "settings", "--from-literal=a=1"));
    await kubectl.ok(inNamespace("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"b":"2"}}'));
    await kubectl.ok(
      inNamespace(
        "patch",
        "configmap",
        "settings",
        "--type=json",
        "-p",
        '[{"op":"replace","path":"/data/a","value":"3"}]',
      ),
    );
    await kubectl.ok(inNamespace("patch", "configmap", "settings", "-p", '{"data":{"c":"4"}}'));
    await kubectl.ok(inNamespace("label", "configmap", "settings", "team=x"));
    await kubectl.ok(inNamespace("annotate", "configmap", "settings", "note=y"));
    await kubectl.ok(inNamespace("edit", "configmap", "settings"), {
      env: { KUBE_EDITOR: "sed -i 's/team: x/team: z/'" },
    });
    const settings = JSON.parse(await kubectl.ok(inNamespace("get", "configmap", "settings", "-o", "json")));
    expect(settings).toMatchObject({ data: { a: "3", b: "2", c: "4" }, metadata: { annotations: { note: "y" } } });
    const replaced = { ...settings, data: { only: "this" } };
    await kubectl.ok(inNamespace("replace", "-f", "-"), { input: JSON.stringify(replaced) });
    expect(
      (await kubectl.run(inNamespace("replace", "-f", "-"), { input: JSON.stringify(replaced) })).stderr,
    ).toContain("the object has been modified; please apply your changes to the latest version and try again");
    const manifest = (value: string): string =>
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}, data: {k: "${value}"}}`;
    expect(await kubectl.ok(inNamespace("apply", "-f", "-"), { input: manifest("1") })).toContain(
      "configmap/applied created",
    );
    expect(await kubectl.ok(inNamespace("apply", "-f", "-"), { input: manifest("2") })).toContain(
      "configmap/applied configured",
    );
    expect(await kubectl.ok(inNamespace("apply", "-f", "-"), { input: manifest("2") })).toContain(
      "configmap/applied unchanged",
    );
    const list = (value: string): string => `{apiVersion: v1, kind: List, items: [${manifest("2")}, ${value}]}`;
    const other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}, data: {k: v}}";
    expect(await kubectl.ok(inNamespace("apply", "-f", "-"), { input: list(other) })).toBe(
      "configmap/applied unchanged\nconfigmap/other created\n",
    );
    expect(
      (await kubectl.run(inNamespace("apply", "-f", "-"), { input: list(other.replace(", data:", ", dta:")) })).stderr,
    ).toContain('ValidationError(ConfigMap): unknown field "dta"');
    expect(
      (await kubectl.run(inNamespace("apply", "-f", "-"), { input: `${manifest("2").slice(0, -1)}, dta: {}}` })).stderr,
    ).toContain('unknown field "dta"');
    await kubectl.ok(inNamespace("delete", "configmap", "--all"));
    expect(await kubectl.ok(inNamespace("get", "configmaps", "-o", "name"))).not.toContain("applied");
  });

  it("logs of one, all and previous containers", async () => {
    expect(await kubectl.ok(inNamespace("logs", "two", "-c", "one", "--tail=2"))).toBe("line-4\nline-5\n");
    expect(await kubectl.ok(inNamespace("logs", "two", "--all-containers", "--prefix"))).toMatch(
      /\[pod\/two\/other\] from-other/,
    );
    expect(await kubectl.ok(inNamespace("logs", "two", "-c", "other", "--since=1h"))).toBe("from-other\n");
    await kubectl.ok(
      inNamespace(
        "run",
        "again",
        "--image=busybox",
        "--restart=OnFailure",
        "--",
        "sh",
        "-c",
        "echo try; sleep 1; exit 1",
      ),
    );
    await waitFor("a restart", async () =>
      Number(
        await kubectl.ok(
          inNamespace("get", "pod", "again", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"),
        ),
      ) > 0
        ? true
        : undefined,
    );
    expect(await kubectl.ok(inNamespace("logs", "again", "--previous"))).toBe("try\n");
    await kubectl.ok(inNamespace("delete", "pod", "again", "--now"));
  });

  it("exec with input, exit codes and a terminal", async () => {
    expect(await kubectl.ok(inNamespace("exec", "two", "-c", "one", "--", "echo", "hello"))).toBe("hello\n");
    expect(
      await kubectl.ok(inNamespace("exec", "-i", "two", "-c", "one", "--", "wc", "-c"), { input: "x".repeat(12345) }),
    ).toBe("12345\n");
    const failed = await kubectl.run(inNamespace("exec", "two", "-c", "one", "--", "sh", "-c", "echo bad >&2; exit 7"));
    expect(failed).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("bad\ncommand terminated with exit code 7"),
    });
    const terminal = await kubectl.terminal(
      inNamespace("exec", "-it", "two", "-c", "one", "--", "sh"),
      "tty; exit 3\n",
    );
    expect(terminal.stdout).toContain("/dev/pts/");
    expect(terminal.code).toBe(3);
  });

  it.each([
    ["websocket", {}],
    ["spdy", { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" }],
  ])("binary data through exec, cp and port-forward over %s", async (_protocol, env: Record<string, string>) => {
    const folder = await mkdtemp(join(tmpdir(), "orlop-cp-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const bytes = randomBytes(5_000_000);
    await writeFile(join(folder, "in"), bytes);
    await kubectl.ok(inNamespace("cp", join(folder, "in"), `two:/tmp/copy`, "-c", "one"), { env });
    const sum = await kubectl.ok(inNamespace("exec", "two", "-c", "one", "--", "sha256sum", "/tmp/copy"), { env });
    expect(sum.split(" ")[0]).toBe(createHash("sha256").update(bytes).digest("hex"));
    await kubectl.ok(inNamespace("cp", `two:/tmp/copy`, join(folder, "out"), "-c", "one"), { env });
    expect((await readFile(join(folder, "out"))).equals(bytes)).toBe(true);
  });

  it("port-forward carries many connections", async () => {
    await kubectl.ok(
      inNamespace(
        "run",
        "web",
        "--image=busybox",
        "--restart=Never",
        "--",
        "sh",
        "-c",
        "echo served > /tmp/index.html; exec httpd -f -p 8080 -h /tmp",
      ),
    );
    await kubectl.ok(inNamespace("wait", "--for=condition=Ready", "pod/web", "--timeout=60s"));
    const port = await freePort();
    const forward = spawn(await kubectlPath(version), inNamespace("port-forward", "pod/web", `${port}:8080`), {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    try {
      await waitFor("the forwarded port", async () =>
        (await fetch(`http://127.0.0.1:${port}/index.html`)).ok ? true : undefined,
      );
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`http://127.0.0.1:${port}/index.html`).then((answer) => answer.text())),
      );
      expect(new Set(answers)).toEqual(new Set(["served\n"]));
    } finally {
      forward.kill();
      await kubectl.ok(inNamespace("delete", "pod", "web", "--now", "--wait=false"));
    }
  });

  it("attach, wait, run --rm", async () => {
    const attached = await kubectl.run(
      inNamespace("run", "echoer", "--image=busybox", "--restart=Never", "--rm", "-i", "--", "cat"),
      { input: "through cat\n" },
    );
    expect(attached.stdout).toContain("through cat");
    await kubectl.ok(inNamespace("run", "done", "--image=busybox", "--restart=Never", "--", "true"));
    await kubectl.ok(inNamespace("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/done", "--timeout=60s"));
  });

  it("auth, tokens, api-resources, explain", async () => {
    expect(await kubectl.ok(["auth", "can-i", "create", "pods"])).toBe("yes\n");
    expect((await kubectl.run(["auth", "can-i", "create", "pods", "--as=nobody"])).stdout).toBe("no\n");
    expect(await kubectl.ok(["auth", "can-i", "--list"])).toContain("*.*");
    expect(await kubectl.ok(["auth", "whoami"])).toContain("kubernetes-admin");
    const token = await kubectl.ok(inNamespace("create", "token", "default"));
    expect(token.split(".")).toHaveLength(3);
    expect(
      await kubectl.ok(["auth", "whoami", `--token=${token.trim()}`, "-o", "jsonpath={.status.userInfo.username}"], {
        env: {},
      }),
    ).toBeTruthy();
    expect(await kubectl.ok(["api-resources"])).toMatch(/pods\s+po\s+v1\s+true\s+Pod/);
    expect(await kubectl.ok(["explain", "pod.spec.hostUsers"])).toContain("hostUsers");
    expect(await kubectl.ok(["version", "-o", "json"])).toContain("serverVersion");
  });

  it("deletes a pod gracefully, and a namespace with all that is in it", async () => {
    expect(await kubectl.ok(inNamespace("delete", "pod", "two", "--grace-period=1"))).toContain('pod "two" deleted');
    expect((await kubectl.run(inNamespace("get", "pod", "two"))).code).toBe(1);
    await kubectl.ok(["delete", "namespace", namespace, "--timeout=60s"]);
    expect((await kubectl.run(["get", "namespace", namespace])).stderr).toContain("NotFound");
  });
});
