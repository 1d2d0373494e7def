import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLinuxMounts } from "../../src/adapters/linux/mounts.ts";
import { createFakeCsiDriver, type FakeCsiDriver } from "../../src/testing/fake-csi-driver.ts";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";

const DRIVER = "block.example.com";

const volume = (name: string): string => `
apiVersion: v1
kind: PersistentVolume
metadata: {name: ${name}}
spec:
  capacity: {storage: 16Mi}
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: ""
  csi: {driver: ${DRIVER}, volumeHandle: ${name}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ${name}}
spec:
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: ""
  volumeName: ${name}
  resources: {requests: {storage: 16Mi}}
---`;
const pod = (name: string, claim: string, readOnly: boolean): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: data, persistentVolumeClaim: {claimName: ${claim}, readOnly: ${readOnly}}}]
  containers:
  - {name: main, image: busybox, command: [sleep, "1000"], volumeDevices: [{name: data, devicePath: /dev/data}]}
---`;

/** A driver of our tests on a real socket hands out a real loop device. */
describe("raw block volumes", () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let folder: string;
  let device: string;
  let driver: FakeCsiDriver;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-block-"));
    const image = join(folder, "image");
    await writeFile(image, "");
    await truncate(image, 16 * 2 ** 20);
    device = (await runCommand("losetup", ["--find", "--show", image])).stdout.trim();
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
    driver = createFakeCsiDriver({
      name: DRIVER,
      directory: folder,
      registry: join(cluster.dataDir, "kubelet/plugins_registry"),
      mounts: createLinuxMounts(),
      device: () => device,
    });
    await driver.start();
    await kubectl.apply(`
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: ${DRIVER}}
spec: {attachRequired: false}
---${volume("disk")}`);
  });
  afterAll(async () => {
    await cluster?.destroy();
    await driver?.stop();
    await runCommand("losetup", ["--detach", device]);
    await rm(folder, { recursive: true, force: true });
  });

  const inPod = (name: string, command: string) => kubectl.run(["exec", name, "--", "sh", "-c", command]);
  const ready = (name: string): Promise<string> =>
    kubectl.ok(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);

  it("are a device in the container, also after the kubelet was killed", async () => {
    await kubectl.apply(pod("writer", "disk", false));
    await ready("writer");
    const wrote = await inPod("writer", "test -b /dev/data && echo hello | dd of=/dev/data conv=fsync 2>/dev/null");
    expect(wrote).toMatchObject({ code: 0 });
    expect((await readFile(join(folder, "image"))).subarray(0, 6).toString()).toBe("hello\n");
    await cluster.stop("SIGKILL");
    await cluster.start();
    expect((await inPod("writer", "head -c 5 /dev/data")).stdout).toBe("hello");
    await kubectl.ok(["delete", "pod", "writer", "--now"]);
    expect(driver.names("NodeUnpublishVolume")).toHaveLength(1);
  });

  it("can not be written where the pod may only read", async () => {
    await kubectl.apply(pod("reader", "disk", true));
    await ready("reader");
    expect((await inPod("reader", "head -c 5 /dev/data")).stdout).toBe("hello");
    expect(await inPod("reader", "echo no | dd of=/dev/data 2>&1")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Operation not permitted") as unknown,
    });
    await kubectl.ok(["delete", "pod", "reader", "--now"]);
  });
});
