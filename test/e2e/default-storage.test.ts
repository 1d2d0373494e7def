import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const claim = (name: string, mode: string): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ${name}}
spec: {accessModes: [${mode}], resources: {requests: {storage: 300Mi}}}
---`;
const pod = (name: string, volume: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000, fsGroup: 2000}
  volumes: [{name: data, ${volume}}]
  containers:
  - {name: main, image: busybox, command: [sleep, "1000"], volumeMounts: [{name: data, mountPath: /data}]}
---`;
const uses = (name: string): string => `persistentVolumeClaim: {claimName: ${name}}`;

/** Claims that name no class get volumes of our CSI driver: in the process of `orlop up`, and as a process of its own. */
describe("default storage", () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  beforeAll(async () => {
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
  });
  afterAll(async () => {
    await cluster?.destroy();
  });

  const ready = (...names: readonly string[]): Promise<string> =>
    kubectl.ok(["wait", "--for=condition=Ready", ...names.map((name) => `pod/${name}`), "--timeout=60s"]);
  const inPod = (name: string, command: string): Promise<string> =>
    kubectl.ok(["exec", name, "--", "sh", "-c", command]).then((text) => text.trim());
  const images = (): Promise<readonly string[]> => readdir(join(cluster.dataDir, "volumes"));
  const devices = async (): Promise<string> => {
    const { stdout } = await runCommand("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"]);
    return stdout
      .split("\n")
      .filter((line) => line.startsWith(cluster.dataDir))
      .join("\n");
  };
  const untilNoImages = (): Promise<true> =>
    waitFor("the volumes to be deleted", async () => ((await images()).length === 0 ? true : undefined));

  it("makes a volume when a pod needs it, shares it, keeps it over restarts, and deletes it with its claim", async () => {
    expect(await kubectl.ok(["get", "storageclass", "--no-headers"])).toMatch(
      /^orlop-loop \(default\) +loop\.csi\.orlop\.dev +Delete +WaitForFirstConsumer +true/,
    );
    await kubectl.apply(claim("data", "ReadWriteMany"));
    expect(await images()).toEqual([]);
    await kubectl.apply(pod("one", uses("data")) + pod("two", uses("data")));
    await ready("one", "two");
    expect(await inPod("one", "echo shared > /data/file && stat -c '%u %g' /data/file")).toBe("1000 2000");
    expect(await inPod("two", "cat /data/file")).toBe("shared");
    const [image = ""] = await images();
    expect((await stat(join(cluster.dataDir, "volumes", image, "image"))).mode & 0o777).toBe(0o600);
    await cluster.stop("SIGKILL");
    await cluster.start();
    await kubectl.ok(["delete", "pod", "one", "two", "--now"]);
    await kubectl.apply(pod("three", uses("data")));
    await ready("three");
    expect(await inPod("three", "cat /data/file")).toBe("shared");
    await kubectl.ok(["delete", "pod/three", "pvc/data", "--now"]);
    await untilNoImages();
    expect(await devices()).toBe("");
  });

  it("keeps the owners of a volume that pods with and without IDs of their own use in turn", async () => {
    const isolated = pod("isolated", uses("mapped")).replace("spec:\n", "spec:\n  hostUsers: false\n");
    await kubectl.apply(claim("mapped", "ReadWriteOnce") + isolated);
    await ready("isolated");
    expect(await inPod("isolated", "awk '{print $1, ($2 > 0)}' /proc/self/uid_map")).toBe("0 1");
    expect(await inPod("isolated", "grep -c ' /data .*idmapped' /proc/self/mountinfo")).toBe("1");
    expect(await inPod("isolated", "echo mine > /data/file && stat -c '%u %g' /data/file")).toBe("1000 2000");
    await kubectl.ok(["delete", "pod", "isolated", "--now"]);
    await kubectl.apply(pod("plain", uses("mapped")));
    await ready("plain");
    expect(await inPod("plain", "stat -c '%u %g' /data/file && cat /data/file")).toBe("1000 2000\nmine");
    await kubectl.ok(["delete", "pod/plain", "pvc/mapped", "--now"]);
    await untilNoImages();
  });

  it("gives a pod a volume that lives as long as the pod", async () => {
    const attributes = "{driver: loop.csi.orlop.dev, fsType: ext4, volumeAttributes: {size: 20Mi}}";
    await kubectl.apply(pod("scratch", `csi: ${attributes}`));
    await ready("scratch");
    expect(await inPod("scratch", "echo x > /data/file && cat /data/file")).toBe("x");
    expect(await images()).toHaveLength(1);
    await kubectl.ok(["delete", "pod", "scratch", "--now"]);
    await untilNoImages();
    expect(await devices()).toBe("");
  });

  it("grows a volume under a running pod", async () => {
    await kubectl.apply(`
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: xfs}
provisioner: loop.csi.orlop.dev
parameters: {csi.storage.k8s.io/fstype: xfs}
allowVolumeExpansion: true
volumeBindingMode: WaitForFirstConsumer
---${claim("growing", "ReadWriteOnce").replace("spec: {", "spec: {storageClassName: xfs, ")}${pod("grower", uses("growing"))}`);
    await ready("grower");
    const kilobytes = async (): Promise<number> =>
      Number(await inPod("grower", "df -k /data | tail -1 | awk '{print $2}'"));
    expect(await kilobytes()).toBeLessThan(300 * 1024);
    await kubectl.ok(["patch", "pvc", "growing", "-p", '{"spec":{"resources":{"requests":{"storage":"600Mi"}}}}']);
    // The kubelet looks at volumes that are in use twice a minute.
    await waitFor("the file system to grow", async () => ((await kilobytes()) > 400 * 1024 ? true : undefined), {
      timeout: 120_000,
    }).catch(async (cause: unknown) => {
      throw new Error(await kubectl.ok(["get", "events", "--sort-by=.lastTimestamp"]), { cause });
    });
    await kubectl.ok(["wait", "--for=jsonpath={.status.capacity.storage}=600Mi", "pvc/growing", "--timeout=60s"]);
    await kubectl.ok(["delete", "pod/grower", "pvc/growing", "--now"]);
    await untilNoImages();
  });
});

describe("orlop csi-driver", () => {
  it("serves a kubelet from a process of its own, with the rights of its manifests", async () => {
    const cluster = await startCluster({ args: ["--no-default-storage"] });
    const folder = await mkdtemp(join(tmpdir(), "orlop-csi-"));
    let driver: ChildProcess | undefined;
    try {
      const kubectl = await kubectlFor(cluster);
      expect(await kubectl.ok(["get", "storageclass"])).toBe("");
      await kubectl.ok(["apply", "-k", join(ROOT, "deploy/csi-driver")]);
      const token = await kubectl.ok(["-n", "kube-system", "create", "token", "orlop-csi-driver"]);
      const config = await readFile(cluster.kubeconfig, "utf8");
      const own = join(folder, "kubeconfig");
      await writeFile(own, config.replace(/^users:[\s\S]*?(?=^\S(?!sers:)|(?![\s\S]))/m, ""), { mode: 0o600 });
      const flag = ["--kubeconfig", own];
      await kubectl.ok(["config", ...flag, "set-credentials", "driver", `--token=${token.trim()}`]);
      await kubectl.ok(["config", ...flag, "set-context", "--current", "--user=driver"]);
      const volumes = join(folder, "volumes");
      driver = spawn(
        join(ROOT, "orlop"),
        ["csi-driver", ...flag, "--root-dir", join(cluster.dataDir, "kubelet"), "--volumes-dir", volumes],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      await once(driver.stdout ?? driver, "data");
      await kubectl.apply(claim("data", "ReadWriteOnce") + pod("user", uses("data")));
      await kubectl.ok(["wait", "--for=condition=Ready", "pod/user", "--timeout=60s"]);
      expect(await readdir(volumes)).toHaveLength(1);
      await kubectl.ok(["delete", "pod/user", "pvc/data", "--now"]);
      await waitFor("the volume to be deleted", async () => ((await readdir(volumes)).length === 0 ? true : undefined));
      const exited = once(driver, "exit");
      driver.kill("SIGTERM");
      expect(await exited).toEqual([0, null]);
    } finally {
      driver?.kill("SIGKILL");
      await cluster.destroy();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
