import { describe, expect, it } from "vitest";
import type { Container, Pod, PodSpec } from "../../api/types.ts";
import { containerConfig } from "./container-config.ts";
import { containerSecurity } from "./container-security.ts";
import { kernelHostName, podHostName } from "./host-name.ts";
import { parseResolvConf, podDns } from "./pod-dns.ts";
import { sandboxConfig } from "./sandbox-config.ts";

const LINES = [{ hostId: 65_536, containerId: 0, length: 65_536 }];
const MAPPING = { uidMappings: LINES, gidMappings: LINES };
const NO_DNS = { servers: [], searches: [], options: [] };

function podOf(spec: Partial<PodSpec> = {}): Pod {
  return {
    metadata: { name: "web", namespace: "team", uid: "uid-1", labels: { app: "x" }, annotations: { note: "y" } },
    spec: { containers: [{ name: "app" }], ...spec },
  };
}

function sandboxOf(spec: Partial<PodSpec>, mapping?: typeof MAPPING) {
  return sandboxConfig({
    pod: podOf(spec),
    attempt: 2,
    mapping,
    cgroupParent: "/kubepods/x",
    dns: NO_DNS,
    clusterDomain: "cluster.local",
    podLogsRoot: "/var/log/pods",
    node: {
      memoryBytes: 2 ** 30,
      cpuQuotaEnabled: true,
      cpuQuotaPeriod: 100_000,
      cgroupVersion: 1,
      singleProcessOomKill: true,
    },
  });
}

describe("sandboxConfig()", () => {
  it("carries what finds the pod again", () => {
    expect(sandboxOf({})).toMatchObject({
      metadata: { name: "web", namespace: "team", uid: "uid-1", attempt: 2 },
      hostname: "web",
      logDirectory: "/var/log/pods/team_web_uid-1",
      labels: {
        app: "x",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "team",
        "io.kubernetes.pod.uid": "uid-1",
      },
      annotations: { note: "y" },
      cgroupParent: "/kubepods/x",
      security: { network: "pod", pid: "container", ipc: "pod", seccomp: { type: "RuntimeDefault" } },
    });
  });

  it("says what the whole pod and its runtime may use, which sizes the machines of sandboxed runtimes", () => {
    const limits = { cpu: "500m", memory: "64Mi" };
    const two = [
      { name: "app", resources: { limits, requests: { cpu: "250m" } } },
      { name: "helper", resources: { limits, requests: { cpu: "250m" } } },
    ];
    const mebibyte = 2 ** 20;
    const { resources, overhead } = sandboxOf({ containers: two, overhead: { cpu: "100m", memory: "32Mi" } });
    expect(resources).toEqual({
      cpuShares: 512,
      cpuPeriod: 100_000,
      cpuQuota: 100_000,
      memoryLimitBytes: 128 * mebibyte,
    });
    expect(overhead).toEqual({
      cpuShares: 102,
      cpuPeriod: 100_000,
      cpuQuota: 10_000,
      memoryLimitBytes: 32 * mebibyte,
    });
    expect(sandboxOf({})).toMatchObject({ resources: { cpuShares: 2 } });
    expect(sandboxOf({})).not.toHaveProperty("overhead");
  });

  it("maps namespaces, users and ports", () => {
    const config = sandboxOf(
      {
        hostIPC: true,
        shareProcessNamespace: true,
        securityContext: {
          runAsUser: 1000,
          fsGroup: 2000,
          supplementalGroups: [3000],
          sysctls: [
            { name: "net.ipv4.ip_forward", value: "1" },
            { name: "net/ipv4/conf/eth0.1/forwarding", value: "0" },
          ],
        },
        containers: [
          {
            name: "app",
            ports: [
              { containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" },
              { containerPort: 53, protocol: "UDP" },
            ],
          },
          { name: "root", securityContext: { privileged: true } },
        ],
      },
      MAPPING,
    );
    expect(config.security).toMatchObject({
      ipc: "node",
      pid: "pod",
      privileged: true,
      runAsUser: 1000,
      supplementalGroups: [2000, 3000],
      userNamespace: MAPPING,
    });
    expect(config.sysctls).toEqual({ "net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0/1.forwarding": "0" });
    expect(config.portMappings).toEqual([
      { protocol: "TCP", containerPort: 80, hostPort: 8080, hostIp: "127.0.0.1" },
      { protocol: "UDP", containerPort: 53, hostPort: 0, hostIp: "" },
    ]);
  });

  it("leaves the host's name alone on the host's network", () => {
    expect(sandboxOf({ hostNetwork: true })).toMatchObject({ hostname: "", security: { network: "node" } });
  });
});

describe("containerSecurity()", () => {
  const OPTIONS = { seccompDefault: false, seccompRoot: "/seccomp", extraMaskedPaths: ["/sys/extra"] };
  const of = (container: Partial<Container>, spec: Partial<PodSpec> = {}, target?: string) =>
    containerSecurity(podOf(spec), { name: "app", ...container }, { uid: 0, username: "" }, target, OPTIONS);

  it("hides what containers must not see, and runs as the image's user", () => {
    const security = of({});
    expect(security.maskedPaths).toEqual(expect.arrayContaining(["/proc/kcore", "/sys/firmware", "/sys/extra"]));
    expect(security.readOnlyPaths).toContain("/proc/sys");
    expect(security).toMatchObject({ runAsUser: 0, seccomp: { type: "Unconfined" }, noNewPrivileges: false });
    expect(of({ securityContext: { procMount: "Unmasked" } })).toMatchObject({ maskedPaths: [], readOnlyPaths: [] });
  });

  it("lets the container's word win over the pod's", () => {
    const spec = { securityContext: { runAsUser: 1, runAsGroup: 2, seccompProfile: { type: "RuntimeDefault" } } };
    expect(of({ securityContext: { runAsUser: 9 } }, spec)).toMatchObject({
      runAsUser: 9,
      runAsGroup: 2,
      seccomp: { type: "RuntimeDefault" },
    });
    const local = { seccompProfile: { type: "Localhost", localhostProfile: "a/b.json" } };
    expect(of({ securityContext: local }, spec).seccomp).toEqual({ type: "Localhost", reference: "/seccomp/a/b.json" });
  });

  it("refuses a Localhost profile without a name", () => {
    expect(() => of({ securityContext: { seccompProfile: { type: "Localhost" } } })).toThrow(
      "localhostProfile must be set if seccompProfile type is Localhost.",
    );
  });

  it("lets an ephemeral container see its target's processes", () => {
    expect(of({}, {}, "target-id").pid).toEqual({ target: "target-id" });
    expect(of({}, { shareProcessNamespace: true }, "target-id").pid).toBe("pod");
  });
});

describe("containerConfig()", () => {
  const mount = {
    containerPath: "/data",
    hostPath: "/host",
    readOnly: false,
    seLinuxRelabel: false,
    propagation: "private",
  } as const;
  const of = (container: Partial<Container>, mapping?: typeof MAPPING) =>
    containerConfig({
      pod: podOf({ terminationGracePeriodSeconds: 7 }),
      container: { name: "app", image: "app:1", ...container },
      attempt: 3,
      imageRef: "sha256:1",
      environment: [{ name: "A", value: "1" }],
      mounts: [mount],
      devices: [],
      mapping,
      security: containerSecurity(podOf(), { name: "app" }, { username: "" }, undefined, {
        seccompDefault: true,
        seccompRoot: "",
        extraMaskedPaths: [],
      }),
      resources: {},
    });

  it("expands command and arguments with the environment", () => {
    const { command, args } = of({ command: ["run", "$(A)"], args: ["$(B)", "$$(A)"] });
    expect(command).toEqual(["run", "1"]);
    expect(args).toEqual(["$(B)", "$(A)"]);
  });

  it("records what a later kubelet must know", () => {
    const config = of({ lifecycle: { preStop: { sleep: { seconds: 1 } } }, terminationMessagePath: "/tmp/end" });
    expect(config).toMatchObject({
      metadata: { name: "app", attempt: 3 },
      logPath: "app/3.log",
      labels: { "io.kubernetes.container.name": "app", "io.kubernetes.pod.uid": "uid-1" },
      annotations: {
        "io.kubernetes.container.restartCount": "3",
        "io.kubernetes.container.terminationMessagePath": "/tmp/end",
        "io.kubernetes.container.preStopHandler": '{"sleep":{"seconds":1}}',
        "io.kubernetes.pod.terminationGracePeriod": "7",
      },
    });
  });

  it("maps every mount of a pod with its own users", () => {
    expect(of({}, MAPPING).mounts).toEqual([{ ...mount, ...MAPPING }]);
    expect(of({}).mounts).toEqual([mount]);
  });
});

describe("podDns()", () => {
  const host = { servers: ["192.0.2.53"], searches: ["example.com"], options: ["timeout:2"] };
  const cluster = { clusterDns: ["10.0.0.10"], clusterDomain: "cluster.local", host };
  const cases: readonly [string, Partial<PodSpec>, typeof cluster, unknown][] = [
    [
      "ClusterFirst",
      {},
      cluster,
      {
        servers: ["10.0.0.10"],
        searches: ["team.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com"],
        options: ["ndots:5"],
      },
    ],
    ["ClusterFirst without a cluster DNS", {}, { ...cluster, clusterDns: [] }, host],
    ["ClusterFirst on the host's network", { hostNetwork: true }, cluster, host],
    ["Default", { dnsPolicy: "Default" }, cluster, host],
    [
      "None with a configuration",
      {
        dnsPolicy: "None",
        dnsConfig: { nameservers: ["1.1.1.1"], options: [{ name: "ndots", value: "2" }, { name: "edns0" }] },
      },
      cluster,
      { servers: ["1.1.1.1"], searches: [], options: ["ndots:2", "edns0"] },
    ],
    [
      "a configuration that overrides an option",
      { dnsPolicy: "Default", dnsConfig: { searches: ["a.b"], options: [{ name: "timeout", value: "9" }] } },
      cluster,
      { servers: ["192.0.2.53"], searches: ["example.com", "a.b"], options: ["timeout:9"] },
    ],
  ];
  for (const [title, spec, options, expected] of cases) {
    it(title, () => expect(podDns(podOf(spec), options)).toEqual(expected));
  }

  it("reads resolv.conf as the C library does", () => {
    const text =
      "# comment\nnameserver 1.1.1.1 ; here\nnameserver 2.2.2.2\nsearch a b\nsearch c .\noptions ndots:1 edns0\n";
    expect(parseResolvConf(text)).toEqual({
      servers: ["1.1.1.1", "2.2.2.2"],
      searches: ["c"],
      options: ["ndots:1", "edns0"],
    });
  });
});

describe("podHostName()", () => {
  const named = (name: string, spec: Partial<PodSpec> = {}): Pod => ({
    ...podOf(spec),
    metadata: { name, namespace: "team" },
  });
  it("is the pod's name, cut to what a label may be", () => {
    expect(podHostName(named("web"), "cluster.local")).toEqual({ hostname: "web", domain: "" });
    expect(podHostName(named(`${"a".repeat(62)}-b`), "cluster.local").hostname).toBe("a".repeat(62));
  });
  it("is the full name for the kernel when that is asked for, if it fits", () => {
    const pod = named("web", { hostname: "h", subdomain: "s", setHostnameAsFQDN: true });
    expect(kernelHostName(pod, podHostName(pod, "cluster.local"))).toBe("h.s.team.svc.cluster.local");
    const long = named("web", { hostname: "h".repeat(60), subdomain: "s", setHostnameAsFQDN: true });
    expect(() => kernelHostName(long, podHostName(long, "cluster.local"))).toThrow(
      "is too long (64 characters is the max",
    );
  });
});
