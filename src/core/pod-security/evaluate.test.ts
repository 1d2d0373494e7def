import { describe, expect, it } from "vitest";
import type { PodSpec } from "../../api/types.ts";
import { describeViolations, violationsOf } from "./evaluate.ts";
import type { Level } from "./policy.ts";

type Container = PodSpec["containers"][number];
const NEWEST = 36;

function judge(level: Level, minor: number, spec: Partial<PodSpec>, annotations: Record<string, string> = {}): string {
  return describeViolations(
    violationsOf({ metadata: { annotations }, spec: { containers: [], ...spec } }, { level, minor }, NEWEST),
  );
}

const latest = Number.POSITIVE_INFINITY;
const named = (name: string, rest: Partial<Container> = {}): Container => ({ name, ...rest });
const hardened: Container["securityContext"] = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

describe("violationsOf()", () => {
  it("says what a careless pod lacks to be restricted, in upstream's words", () => {
    expect(judge("restricted", latest, { containers: [named("a")] })).toBe(
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  it("finds nothing at a hardened pod, and nothing at all in the privileged level", () => {
    expect(judge("restricted", latest, { containers: [named("a", { securityContext: hardened })] })).toBe("");
    expect(judge("privileged", latest, { hostNetwork: true, containers: [] })).toBe("");
  });

  it.each<[string, Partial<PodSpec>, string]>([
    [
      "host namespaces",
      { hostNetwork: true, hostPID: true, hostIPC: true },
      "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
    ],
    [
      "privileged containers of every kind",
      {
        containers: [named("b", { securityContext: { privileged: true } })],
        initContainers: [named("a", { securityContext: { privileged: true } })],
        ephemeralContainers: [{ name: "c", securityContext: { privileged: true } }],
      },
      'privileged (containers "a", "b", "c" must not set securityContext.privileged=true)',
    ],
    [
      "capabilities",
      { containers: [named("a", { securityContext: { capabilities: { add: ["SYS_ADMIN", "CHOWN", "NET_RAW"] } } })] },
      'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      "hostPath",
      {
        volumes: [
          { name: "x", hostPath: { path: "/" } },
          { name: "y", hostPath: { path: "/" } },
        ],
      },
      'hostPath volumes (volumes "x", "y")',
    ],
    [
      "host ports, sorted as text",
      { containers: [named("a", { ports: [80, 9, 0].map((hostPort) => ({ containerPort: 1, hostPort })) })] },
      'hostPort (container "a" uses hostPorts 80, 9)',
    ],
    [
      "hosts of probes",
      { containers: [named("a", { livenessProbe: { httpGet: { host: "h", port: 1 } } })] },
      'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
    ],
    [
      "SELinux",
      {
        securityContext: { seLinuxOptions: { type: "spc_t", user: "u" } },
        containers: [named("a", { securityContext: { seLinuxOptions: { role: "r" } } })],
      },
      'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    [
      "seccomp",
      { securityContext: { seccompProfile: { type: "Unconfined" } } },
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      "AppArmor",
      { securityContext: { appArmorProfile: { type: "Unconfined" } } },
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      "sysctls",
      { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } },
      "forbidden sysctls (kernel.msgmax)",
    ],
    [
      "host processes",
      { securityContext: { windowsOptions: { hostProcess: true } } },
      "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
    ],
    [
      "proc mounts",
      {
        containers: [
          named("d", { securityContext: { procMount: "Unmasked" } }),
          named("e", { securityContext: { procMount: "other" } }),
        ],
      },
      'procMount (containers "d", "e" must not set securityContext.procMount to "Unmasked", "other")',
    ],
  ])("baseline refuses %s", (_what, spec, text) => {
    expect(judge("baseline", latest, spec)).toBe(text);
  });

  it("refuses a profile that names no type, which validation sees only later", () => {
    const nameless = { appArmorProfile: {}, seccompProfile: {} } as NonNullable<PodSpec["securityContext"]>;
    expect(judge("baseline", latest, { securityContext: nameless })).toBe(
      'forbidden AppArmor profile (pod must not set AppArmor profile type to ""), ' +
        'seccompProfile (pod must not set securityContext.seccompProfile.type to "")',
    );
  });

  it("allows in each version the sysctls that are safe since then", () => {
    const spec = { containers: [], securityContext: { sysctls: [{ name: "net.ipv4.tcp_notsent_lowat", value: "1" }] } };
    const at = (minor: number): number => violationsOf({ metadata: {}, spec }, { level: "baseline", minor }, 37).length;
    expect([at(36), at(37), at(latest)]).toEqual([1, 0, 0]);
  });

  it("reads what used to be annotations", () => {
    const key = "container.apparmor.security.beta.kubernetes.io/a";
    expect(judge("baseline", latest, {}, { [key]: "unconfined" })).toBe(
      `forbidden AppArmor profile (annotation must not set AppArmor profile type to "${key}="unconfined"")`,
    );
    const seccomp = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
    expect(judge("baseline", 18, {}, seccomp)).toBe(
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    expect(judge("baseline", 19, {}, seccomp)).toBe("");
  });

  it("restricted allows no volume types but those it names", () => {
    expect(
      judge("restricted", latest, {
        volumes: [
          { name: "a", hostPath: { path: "/" } },
          { name: "b", nfs: { server: "s", path: "/" } },
          { name: "c", emptyDir: {} },
          { name: "d", image: { reference: "r" } },
        ],
      }),
    ).toBe('restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")');
  });

  describe("for pods with users of their own", () => {
    const root: Partial<PodSpec> = {
      hostUsers: false,
      securityContext: { runAsUser: 0, runAsNonRoot: false },
      containers: [named("a", { securityContext: { ...hardened, runAsNonRoot: false, runAsUser: 0 } })],
    };

    it("being root is nothing to restrict from v1.35 on", () => {
      expect(judge("restricted", latest, root)).toBe("");
      expect(judge("restricted", 35, root)).toBe("");
      const before =
        'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false), ' +
        'runAsUser=0 (pod and container "a" must not set runAsUser=0)';
      expect(judge("restricted", 34, root)).toBe(before);
      expect(judge("restricted", latest, { ...root, hostUsers: true })).toBe(before);
    });

    it("an unmasked /proc passes the baseline from v1.35 on, never the restricted level", () => {
      const unmasked = {
        hostUsers: false,
        containers: [named("a", { securityContext: { ...hardened, procMount: "Unmasked" } })],
      };
      const text = 'procMount (container "a" must not set securityContext.procMount to "Unmasked")';
      expect(judge("baseline", latest, unmasked)).toBe("");
      expect(judge("baseline", 34, unmasked)).toBe(text);
      expect(judge("restricted", latest, unmasked)).toBe(text);
      expect(judge("restricted", 34, unmasked)).toBe(text);
    });

    it("capabilities stay forbidden", () => {
      const spec = { ...root, containers: [named("a", { securityContext: { capabilities: { add: ["SYS_ADMIN"] } } })] };
      expect(judge("baseline", latest, spec)).toContain("non-default capabilities");
    });
  });

  it("an emulated version bounds what latest means", () => {
    const subject = { metadata: {}, spec: { hostUsers: false, containers: [], securityContext: { runAsUser: 0 } } };
    const levelVersion = { level: "restricted", minor: latest } as const;
    expect(violationsOf(subject, levelVersion, 34).map(({ reason }) => reason)).toEqual(["runAsUser=0"]);
    expect(violationsOf(subject, levelVersion, 36)).toEqual([]);
  });

  it("rules apply from the version they came with", () => {
    const spec = { containers: [named("a", { livenessProbe: { tcpSocket: { host: "h", port: 1 } } })] };
    expect(judge("baseline", 33, spec)).toBe("");
    expect(judge("restricted", 0, { containers: [named("a")] })).toBe(
      'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
    );
    expect(judge("restricted", 8, { containers: [named("a")] })).toContain("allowPrivilegeEscalation");
    const windows = {
      os: { name: "windows" },
      securityContext: { runAsNonRoot: true },
      containers: [named("a")],
    };
    expect(judge("restricted", 24, windows)).toContain("seccompProfile");
    expect(judge("restricted", 25, windows)).toBe("");
  });
});
