import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const pod = (name: string, claim: string, command: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: data, persistentVolumeClaim: {claimName: ${claim}}}]
  containers:
  - {name: main, image: busybox, command: [sh, -c, '${command}; trap exit TERM; while :; do sleep 1; done'], volumeMounts: [{name: data, mountPath: /data}]}
`;

describe("persistent volumes", () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let host: string;

  beforeAll(async () => {
    host = await mkdtemp(join(tmpdir(), "orlop-volumes-"));
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
  });
  afterAll(async () => {
    await cluster?.destroy();
    await rm(host, { recursive: true, force: true });
  });

  const ready = (name: string): Promise<string> =>
    kubectl.ok(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);
  const phase = (kind: string, name: string, wanted: string): Promise<string> =>
    kubectl.ok(["wait", `--for=jsonpath={.status.phase}=${wanted}`, `${kind}/${name}`, "--timeout=60s"]);
  const row = async (kind: string): Promise<readonly string[]> =>
    (await kubectl.ok(["get", kind, "--no-headers"])).trim().split(/ {2,}/);
  const events = (name: string): Promise<string> =>
    kubectl.ok(["get", "events", "--field-selector", `involvedObject.name=${name}`, "-o", "wide"]);

  it("are bound to claims by hand, used by pods, and kept when the claim goes", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: by-hand}
spec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---${pod("writer", "by-hand", "echo kept > /data/file")}`);
    await waitFor("the reason why the claim waits", async () =>
      (await events("by-hand")).includes("no persistent volumes available for this claim") ? true : undefined,
    );
    expect((await row("pvc")).slice(0, 2)).toEqual(["by-hand", "Pending"]);
    await kubectl.apply(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec: {capacity: {storage: 2Gi}, accessModes: [ReadWriteOnce], hostPath: {path: ${host}}}
`);
    await ready("writer");
    expect(await readFile(join(host, "file"), "utf8")).toBe("kept\n");
    expect((await row("pv")).slice(0, 6)).toEqual(["disk", "2Gi", "RWO", "Retain", "Bound", "default/by-hand"]);
    expect((await row("pvc")).slice(0, 5)).toEqual(["by-hand", "Bound", "disk", "2Gi", "RWO"]);

    // A claim in use stays until its pod is gone.
    await kubectl.ok(["delete", "pvc", "by-hand", "--wait=false"]);
    expect((await row("pvc"))[1]).toBe("Terminating");
    await kubectl.ok(["delete", "pod", "writer", "--now"]);
    await phase("pv", "disk", "Released");
    expect(await readFile(join(host, "file"), "utf8")).toBe("kept\n");
    await kubectl.ok(["delete", "pv", "disk"]);
  });

  it("of the node are chosen when the pod is, and given to one pod at a time", async () => {
    const node = await kubectl.ok(["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    await kubectl.apply(`
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: local-disk}
spec:
  storageClassName: local
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOncePod]
  local: {path: ${host}}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [${node}]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: late}
spec: {storageClassName: local, accessModes: [ReadWriteOncePod], resources: {requests: {storage: 1Gi}}}
`);
    await waitFor("the claim to wait for a pod", async () =>
      (await events("late")).includes("waiting for first consumer to be created before binding") ? true : undefined,
    );
    await kubectl.apply(pod("first", "late", "cat /data/file"));
    await ready("first");
    expect(await kubectl.ok(["logs", "first"])).toBe("kept\n");
    await kubectl.apply(pod("second", "late", "true"));
    await waitFor("the second pod to be told", async () =>
      (await events("second")).includes("PersistentVolumeClaim with ReadWriteOncePod access mode already in-use")
        ? true
        : undefined,
    );
    await kubectl.ok(["delete", "pod", "first", "--now"]);
    await ready("second");
    await kubectl.ok(["delete", "pod", "second", "--now"]);
  });
});
