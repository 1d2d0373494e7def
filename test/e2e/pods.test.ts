import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const SLEEP = `command: [sh, -c, 'trap exit TERM; while :; do sleep 1; done']`;

describe("pods on the node", () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;

  beforeAll(async () => {
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
  });
  afterAll(() => cluster?.destroy());

  const ready = (pod: string): Promise<string> =>
    kubectl.ok(["wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s"]);
  const exec = (pod: string, command: string): Promise<string> => kubectl.ok(["exec", pod, "--", "sh", "-c", command]);
  const field = (pod: string, path: string): Promise<string> =>
    kubectl.ok(["get", "pod", pod, "-o", `jsonpath={${path}}`]);
  const eventually = (what: string, read: () => Promise<string>, wanted: (text: string) => boolean): Promise<string> =>
    waitFor(what, async () => {
      const text = await read();
      return wanted(text) ? text : undefined;
    });

  it("reach the API server by environment and token, and each other by address", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers: [{name: main, image: curlimages/curl, command: [sh, -c, 'sleep 10000']}]
---
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  containers: [{name: main, image: busybox, command: [sh, -c, 'echo hello-from-server > /tmp/index.html; exec httpd -f -p 80 -h /tmp']}]
`);
    await ready("client");
    await ready("server");
    const answer = await exec(
      "client",
      'D=/var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$(cat $D/namespace)/pods',
    );
    expect(JSON.parse(answer)).toMatchObject({
      reason: "Forbidden",
      message: expect.stringContaining('User "system:serviceaccount:default:default" cannot list resource "pods"'),
    });
    expect(await exec("client", `curl -s http://${await field("server", ".status.podIP")}/`)).toBe(
      "hello-from-server\n",
    );
    await kubectl.ok(["delete", "pod", "client", "server", "--now", "--wait=false"]);
  });

  it("run init containers in order, then sidecars, then the rest", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: ordered}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: log, emptyDir: {}}]
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, 'echo first >> /log/order'], volumeMounts: [{name: log, mountPath: /log}]}
  - name: sidecar
    image: busybox
    restartPolicy: Always
    command: [sh, -c, 'echo sidecar >> /log/order; trap exit TERM; while :; do sleep 1; done']
    startupProbe: {exec: {command: [grep, sidecar, /log/order]}, periodSeconds: 1}
    volumeMounts: [{name: log, mountPath: /log}]
  - {name: second, image: busybox, command: [sh, -c, 'echo second >> /log/order'], volumeMounts: [{name: log, mountPath: /log}]}
  containers:
  - {name: main, image: busybox, command: [sh, -c, 'echo main >> /log/order; trap exit TERM; while :; do sleep 1; done'], volumeMounts: [{name: log, mountPath: /log}]}
`);
    await ready("ordered");
    expect(await kubectl.ok(["exec", "ordered", "-c", "main", "--", "cat", "/log/order"])).toBe(
      "first\nsidecar\nsecond\nmain\n",
    );
    expect(await kubectl.ok(["get", "pod", "ordered"])).toMatch(/ordered\s+2\/2\s+Running/);
    await kubectl.ok(["delete", "pod", "ordered", "--wait=false"]);
  });

  it("see their volumes: contents, modes, owners, subPath and live updates", async () => {
    await kubectl.ok(["create", "configmap", "settings", "--from-literal=color=red", "--from-literal=size=1"]);
    await kubectl.ok(["create", "secret", "generic", "key", "--from-literal=password=hunter2"]);
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: volumes, labels: {app: volumes}, annotations: {note: one}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {fsGroup: 3000, runAsUser: 1000}
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: key, secret: {secretName: key, defaultMode: 0400}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
  - {name: disk, emptyDir: {}}
  - {name: about, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}]}}
  - {name: all, projected: {sources: [{configMap: {name: settings, items: [{key: color, path: deep/color}]}}, {serviceAccountToken: {path: token, audience: vault, expirationSeconds: 600}}]}}
  containers:
  - name: main
    image: busybox
    ${SLEEP}
    resources: {limits: {cpu: 250m, memory: 64Mi}}
    env:
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: key, key: password}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: MISSING, valueFrom: {secretKeyRef: {name: absent, key: x, optional: true}}}
    - {name: BOTH, value: '$(COLOR)-$(NODE)-$$(COLOR)'}
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: settings, mountPath: /one/size, subPath: size}
    - {name: key, mountPath: /key, readOnly: true}
    - {name: memory, mountPath: /memory}
    - {name: disk, mountPath: /disk, subPath: inner/folder}
    - {name: about, mountPath: /about}
    - {name: all, mountPath: /all}
`);
    await ready("volumes");
    expect(await exec("volumes", "cat /settings/color /one/size /key/password /all/deep/color /about/cpu")).toBe(
      "red1hunter2red250",
    );
    expect(await exec("volumes", "cat /about/labels")).toBe('app="volumes"');
    expect(await exec("volumes", 'echo "$COLOR $PASSWORD $BOTH [$MISSING]"')).toMatch(
      /^red hunter2 red-[^ ]+-\$\(COLOR\) \[\]\n$/,
    );
    expect(await exec("volumes", "stat -L -c %a:%g /key/password; id -G; touch /disk/x; stat -c %g /disk/x")).toBe(
      "440:3000\n0 3000\n3000\n",
    );
    expect(await exec("volumes", "mount | grep ' /memory '")).toMatch(/tmpfs.*size=8192k/);
    expect(await exec("volumes", "touch /key/x 2>&1 || true")).toContain("Read-only file system");
    const claims = JSON.parse(
      Buffer.from((await exec("volumes", "cat /all/token")).split(".")[1] ?? "", "base64url").toString(),
    );
    expect(claims).toMatchObject({ aud: ["vault"], "kubernetes.io": { pod: { name: "volumes" } } });
    await kubectl.ok(["patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"color":"blue"}}']);
    await eventually(
      "the new color",
      () => exec("volumes", "cat /settings/color"),
      (text) => text === "blue",
    );
    expect(
      await exec(
        "volumes",
        "cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true",
      ),
    ).toContain("67108864");
    await kubectl.ok(["delete", "pod", "volumes", "--wait=false"]);
  });

  it("mount for each other below the kubelet's folder, as CSI drivers in pods do", async () => {
    const plugins = `${cluster.dataDir}/kubelet/plugins`;
    const pod = (name: string, propagation: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: plugins, hostPath: {path: ${plugins}, type: DirectoryOrCreate}}]
  containers:
  - name: main
    image: busybox
    ${SLEEP}
    securityContext: {privileged: true}
    volumeMounts: [{name: plugins, mountPath: /plugins, mountPropagation: ${propagation}}]
`;
    await kubectl.apply(pod("driver", "Bidirectional"));
    await kubectl.apply(pod("watcher", "HostToContainer"));
    await ready("driver");
    await ready("watcher");
    await exec(
      "driver",
      "mkdir -p /plugins/volume && mount -t tmpfs tmpfs /plugins/volume && echo seen > /plugins/volume/f",
    );
    expect(await readFile(`${plugins}/volume/f`, "utf8")).toBe("seen\n");
    expect(await exec("watcher", "cat /plugins/volume/f")).toBe("seen\n");
    await exec("driver", "umount /plugins/volume");
    expect(await exec("watcher", "ls /plugins/volume")).toBe("");
    await kubectl.ok(["delete", "pod", "driver", "watcher", "--wait=false"]);
  });

  it("are restarted by liveness probes, held back by readiness probes", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, 'touch /tmp/live; trap exit TERM; while :; do sleep 1; done']
    livenessProbe: {exec: {command: [cat, /tmp/live]}, periodSeconds: 1, failureThreshold: 1}
    readinessProbe: {exec: {command: [cat, /tmp/ready]}, periodSeconds: 1}
`);
    await eventually(
      "a running container",
      () => field("probed", ".status.phase"),
      (phase) => phase === "Running",
    );
    expect(await field("probed", ".status.containerStatuses[0].ready")).toBe("false");
    await exec("probed", "touch /tmp/ready");
    await ready("probed");
    await exec("probed", "rm /tmp/live");
    await eventually(
      "a restart",
      () => field("probed", ".status.containerStatuses[0].restartCount"),
      (count) => Number(count) >= 1,
    );
    expect(await kubectl.ok(["describe", "pod", "probed"])).toMatch(/Unhealthy[\s\S]*Liveness probe failed/);
    await kubectl.ok(["delete", "pod", "probed", "--wait=false"]);
  });

  it("end the way their policy says, and back off when they crash", async () => {
    await kubectl.ok(["run", "succeeds", "--image=busybox", "--restart=Never", "--", "true"]);
    await kubectl.ok([
      "run",
      "fails",
      "--image=busybox",
      "--restart=Never",
      "--",
      "sh",
      "-c",
      "echo why > /dev/termination-log; exit 3",
    ]);
    await kubectl.ok(["run", "crashes", "--image=busybox", "--", "false"]);
    await kubectl.ok(["run", "absent", "--image=registry.invalid/none:1"]);
    await eventually(
      "success",
      () => field("succeeds", ".status.phase"),
      (phase) => phase === "Succeeded",
    );
    await eventually(
      "failure",
      () => field("fails", ".status.phase"),
      (phase) => phase === "Failed",
    );
    expect(await field("fails", ".status.containerStatuses[0].state.terminated['exitCode','message']")).toBe("3 why\n");
    await eventually(
      "back-off",
      () => field("crashes", ".status.containerStatuses[0].state.waiting.reason"),
      (reason) => reason === "CrashLoopBackOff",
    );
    await eventually(
      "a failed pull",
      () => field("absent", ".status.containerStatuses[0].state.waiting.reason"),
      (reason) => /^(ErrImagePull|ImagePullBackOff)$/.test(reason),
    );
    await kubectl.ok(["delete", "pod", "succeeds", "fails", "crashes", "absent", "--now"]);
  });

  it("get their preStop hook and their grace before they are killed", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: graceful}
spec:
  terminationGracePeriodSeconds: 20
  volumes: [{name: out, hostPath: {path: ${cluster.dataDir}/graceful, type: DirectoryOrCreate}}]
  containers:
  - name: main
    image: busybox
    command: [sh, -c, 'trap "echo term >> /out/log; exit 0" TERM; while :; do sleep 0.2; done']
    lifecycle: {postStart: {exec: {command: [sh, -c, 'echo start >> /out/log']}}, preStop: {exec: {command: [sh, -c, 'echo stop >> /out/log']}}}
    volumeMounts: [{name: out, mountPath: /out}]
`);
    await ready("graceful");
    await kubectl.ok(["delete", "pod", "graceful"]);
    const { readFile } = await import("node:fs/promises");
    expect(await readFile(`${cluster.dataDir}/graceful/log`, "utf8")).toBe("start\nstop\nterm\n");
  });

  it("stay pending with a reason when they fit nowhere, and are debugged by ephemeral containers", async () => {
    await kubectl.apply(`
apiVersion: v1
kind: Pod
metadata: {name: huge}
spec: {containers: [{name: main, image: busybox, resources: {requests: {cpu: 4k}}}]}
`);
    await eventually(
      "the scheduler's reason",
      () => field("huge", ".status.conditions[?(@.type=='PodScheduled')].message"),
      (message) => message.includes("0/1 nodes are available: 1 Insufficient cpu"),
    );
    await kubectl.ok(["delete", "pod", "huge", "--now"]);
    await kubectl.apply(
      `{apiVersion: v1, kind: Pod, metadata: {name: patient}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: busybox, ${SLEEP}}]}}`,
    );
    await ready("patient");
    await kubectl.ok([
      "debug",
      "patient",
      "--image=busybox",
      "-c",
      "doctor",
      "--",
      "sh",
      "-c",
      "echo examined; sleep 100",
    ]);
    await eventually(
      "the ephemeral container's log",
      async () => (await kubectl.run(["logs", "patient", "-c", "doctor"])).stdout,
      (text) => text === "examined\n",
    );
    await kubectl.ok(["delete", "pod", "patient", "--now"]);
  });
});
