import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const run = promisify(execFile);
const UNMAPPED = "65534:65534";

let cluster: TestCluster;
let kubectl: Kubectl;
let shared: string;
let folders: string;
let podDirectory: string;

/** All kinds of volumes in one pod that runs as user 1000 with IDs of its own. */
const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "volumes", labels: { seen: "label" } },
  spec: {
    hostUsers: false,
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 3000 },
    containers: [
      {
        name: "app",
        image: "busybox",
        imagePullPolicy: "IfNotPresent",
        command: ["sleep", "100000"],
        volumeMounts: [
          { name: "disk", mountPath: "/v/disk" },
          { name: "memory", mountPath: "/v/memory" },
          { name: "configuration", mountPath: "/v/configuration" },
          { name: "secret", mountPath: "/v/secret" },
          { name: "projected", mountPath: "/v/projected" },
          { name: "downward", mountPath: "/v/downward" },
          { name: "host", mountPath: "/v/host" },
          { name: "claim", mountPath: "/v/claim" },
          { name: "disk", mountPath: "/v/part", subPath: "part" },
          { name: "claim", mountPath: "/v/file", subPath: "of-root" },
        ],
      },
    ],
    volumes: [
      { name: "disk", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory" } },
      { name: "configuration", configMap: { name: "configuration" } },
      { name: "secret", secret: { secretName: "secret", defaultMode: 0o400 } },
      {
        name: "projected",
        projected: {
          sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
            { configMap: { name: "configuration" } },
          ],
        },
      },
      { name: "downward", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
      { name: "host", hostPath: { path: "", type: "Directory" } },
      { name: "claim", persistentVolumeClaim: { claimName: "claim" } },
    ],
  },
};

beforeAll(async () => {
  cluster = await startCluster();
  kubectl = await kubectlFor(cluster);
  await kubectl.ok(["wait", "--for=create", "serviceaccount/default", "--timeout=60s"]);
  folders = await mkdtemp(join(tmpdir(), "orlop-userns-volumes-"));
  await chmod(folders, 0o755);
  shared = join(folders, "host");
  const claimed = join(folders, "claimed");
  for (const folder of [shared, claimed]) {
    await mkdir(folder);
    await chmod(folder, 0o777);
    for (const [name, id] of [
      ["of-root", 0],
      ["of-1000", 1000],
      ["of-70000", 70_000],
    ] as const) {
      await writeFile(join(folder, name), "as it was\n");
      await chown(join(folder, name), id, id);
    }
  }
  await kubectl.ok(["create", "configmap", "configuration", "--from-literal=key=value"]);
  await kubectl.ok(["create", "secret", "generic", "secret", "--from-literal=password=x"]);
  const volume = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "by-hand" };
  const claim = { accessModes: ["ReadWriteOnce"], storageClassName: "by-hand", volumeName: "volume" };
  const items = [
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "volume" },
      spec: { ...volume, hostPath: { path: claimed }, persistentVolumeReclaimPolicy: "Retain" },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "claim" },
      spec: { ...claim, resources: { requests: { storage: "1Gi" } } },
    },
  ];
  for (const item of items) await kubectl.apply(JSON.stringify(item));
  const volumes = POD.spec.volumes.map((each) =>
    each.name === "host" ? { ...each, hostPath: { path: shared } } : each,
  );
  await kubectl.apply(JSON.stringify({ ...POD, spec: { ...POD.spec, volumes } }));
  await kubectl.ok(["wait", "--for=condition=Ready", "pod/volumes", "--timeout=120s"]);
  const uid = await kubectl.ok(["get", "pod", "volumes", "-o", "jsonpath={.metadata.uid}"]);
  podDirectory = join(cluster.dataDir, "kubelet/pods", uid);
});
afterAll(async () => {
  await cluster?.destroy();
  await rm(folders, { recursive: true, force: true });
});

const inside = (command: string): Promise<string> => kubectl.ok(["exec", "volumes", "--", "sh", "-c", command]);
/** `user:group mode`, links followed. */
const seen = async (path: string): Promise<string> => (await inside(`stat -L -c '%u:%g %a' ${path}`)).trim();
async function onDisk(path: string): Promise<string> {
  const { uid, gid } = await stat(path);
  return `${uid}:${gid}`;
}

describe("volumes of a pod with users of its own", () => {
  it("are all ID-mapped", async () => {
    const mounts = (await inside("cat /proc/self/mountinfo")).split("\n");
    const volumes = mounts.filter((line) => / \/v\/[a-z]+ /.test(line));
    expect(volumes).toHaveLength(POD.spec.containers[0]?.volumeMounts.length ?? 0);
    expect(volumes.filter((line) => !line.includes("idmapped"))).toEqual([]);
    for (const file of ["/etc/hosts", "/dev/termination-log"]) {
      expect(mounts.find((line) => line.includes(` ${file} `))).toContain("idmapped");
    }
  });

  it.each([
    ["/v/configuration/key", "0:3000 644"],
    ["/v/secret/password", "0:3000 440"],
    ["/v/projected/token", "1000:3000 640"],
    ["/v/projected/key", "0:3000 644"],
    ["/v/downward/labels", "0:3000 644"],
    ["/v/disk", "0:3000 2777"],
    ["/v/memory", "0:3000 3777"],
  ])("show %s as a pod in the host's user namespace sees it: %s", async (path, expected) => {
    expect(await seen(path)).toBe(expected);
    await inside(`test -r ${path}`);
  });

  it.each(["/v/host", "/v/claim"])("leave the owners of what is in %s as they are", async (path) => {
    expect(await inside(`stat -c '%n %u:%g' ${path}/*`)).toBe(
      `${path}/of-1000 1000:1000\n${path}/of-70000 ${UNMAPPED}\n${path}/of-root 0:0\n`,
    );
    expect((await kubectl.run(["exec", "volumes", "--", "sh", "-c", `echo x >>${path}/of-70000`])).code).not.toBe(0);
    await inside(`echo more >>${path}/of-1000`);
  });

  it("put what the pod writes on disk under the IDs it has inside", async () => {
    await inside("for v in disk part host claim; do echo x >/v/$v/new; done");
    const emptyDir = join(podDirectory, "volumes/kubernetes.io~empty-dir/disk");
    expect(await onDisk(join(emptyDir, "new"))).toBe("1000:3000");
    expect(await onDisk(join(emptyDir, "part/new"))).toBe("1000:3000");
    expect(await onDisk(join(shared, "new"))).toBe("1000:1000");
    expect(await onDisk(join(folders, "claimed/new"))).toBe("1000:1000");
    expect(await onDisk(join(shared, "of-root"))).toBe("0:0");
  });

  it("can be one file of a volume", async () => {
    expect(await inside("cat /v/file")).toBe("as it was\n");
    expect(await seen("/v/file")).toBe("0:0 644");
  });

  it("serve a pod in the host's user namespace next, without any change", async () => {
    const { containers, volumes } = POD.spec;
    await kubectl.apply(
      JSON.stringify({
        ...POD,
        metadata: { name: "plain" },
        spec: {
          ...POD.spec,
          hostUsers: true,
          containers: containers.map((container) => ({
            ...container,
            volumeMounts: [{ name: "claim", mountPath: "/v/claim" }],
          })),
          volumes: volumes.filter(({ name }) => name === "claim"),
        },
      }),
    );
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/plain", "--timeout=60s"]);
    expect(await kubectl.ok(["exec", "plain", "--", "stat", "-c", "%u:%g", "/v/claim/new"])).toBe("1000:1000\n");
  });

  it("follow changes of what they show", async () => {
    await kubectl.ok(["patch", "configmap", "configuration", "-p", '{"data":{"key":"changed"}}']);
    await waitFor("the new text", async () =>
      (await inside("cat /v/configuration/key /v/projected/key")) === "changedchanged" ? true : undefined,
    );
    expect(await seen("/v/configuration/key")).toBe("0:3000 644");
  });

  it("are mounted without touching a single file, however many there are", async () => {
    const many = join(folders, "many");
    await mkdir(many);
    await run("sh", ["-c", "seq 5000 | xargs touch"], { cwd: many });
    await run("sleep", ["0.05"]);
    const before = Date.now();
    await kubectl.apply(
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "many" },
        spec: {
          hostUsers: false,
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: "app",
              image: "busybox",
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "-c", "stat -c %u /many/1 /many/5000 && sleep 100000"],
              volumeMounts: [{ name: "many", mountPath: "/many" }],
            },
          ],
          volumes: [{ name: "many", hostPath: { path: many } }],
        },
      }),
    );
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/many", "--timeout=60s"]);
    await waitFor("the owners", async () => ((await kubectl.ok(["logs", "many"])) === "0\n0\n" ? true : undefined));
    const { stdout } = await run("find", [many, "-newerct", `@${before / 1000}`]);
    expect(stdout).toBe("");
  });
});
