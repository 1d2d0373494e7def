import { describe, expect, it } from "vitest";
import { fromGrpcFailure } from "../grpc/errors.ts";
import { fromContainerStatus, fromSandbox, fromStats } from "./from-cri.ts";
import * as cri from "./generated/cri.ts";
import { stopSignalName, stopSignalNumber } from "./stop-signals.ts";
import { toContainerConfig, toSandboxConfig } from "./to-cri.ts";

const SANDBOX = {
  metadata: { name: "p", namespace: "n", uid: "u", attempt: 1 },
  hostname: "p",
  logDirectory: "/logs",
  dns: { servers: [], searches: [], options: [] },
  portMappings: [],
  labels: {},
  annotations: {},
  cgroupParent: "",
  sysctls: {},
  security: {
    network: "pod",
    pid: "container",
    ipc: "pod",
    privileged: false,
    supplementalGroups: [],
    seccomp: { type: "RuntimeDefault" },
  },
} as const;
const CONTAINER = {
  metadata: { name: "c", attempt: 0 },
  image: { reference: "sha256:1", userSpecified: "app:1" },
  command: [],
  args: [],
  workingDir: "",
  env: [{ name: "A", value: "ü" }],
  mounts: [],
  devices: [],
  labels: {},
  annotations: {},
  logPath: "c.log",
  stdin: false,
  stdinOnce: false,
  tty: false,
  resources: { cpuShares: 2, memoryLimitBytes: 2 ** 40 },
  security: {
    capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
    privileged: false,
    pid: { target: "other" },
    runAsUser: 0,
    readOnlyRootFilesystem: false,
    supplementalGroups: [],
    noNewPrivileges: false,
    maskedPaths: [],
    readOnlyPaths: [],
    seccomp: { type: "Localhost", reference: "/p.json" },
  },
} as const;
const LINES = [{ hostId: 65_536, containerId: 0, length: 65_536 }];

describe("messages to the runtime", () => {
  it("always spell out the user namespace, the same for sandbox and container", () => {
    const plain = toSandboxConfig(SANDBOX).linux?.securityContext?.namespaceOptions?.usernsOptions;
    expect(plain).toEqual({ mode: cri.NamespaceMode.NODE, uids: [], gids: [] });
    const mapped = {
      ...SANDBOX,
      security: { ...SANDBOX.security, userNamespace: { uidMappings: LINES, gidMappings: LINES } },
    };
    const expected = { mode: cri.NamespaceMode.POD, uids: LINES, gids: LINES };
    expect(toSandboxConfig(mapped).linux?.securityContext?.namespaceOptions?.usernsOptions).toEqual(expected);
    const options = toContainerConfig(CONTAINER, mapped).linux?.securityContext?.namespaceOptions;
    expect(options).toMatchObject({ usernsOptions: expected, pid: cri.NamespaceMode.TARGET, targetId: "other" });
  });

  it("survive the wire: user 0, large numbers and other alphabets", () => {
    const bytes = cri.ContainerConfig.encode(toContainerConfig(CONTAINER, SANDBOX)).finish();
    const read = cri.ContainerConfig.decode(bytes);
    expect(read.linux?.securityContext?.runAsUser).toEqual({ value: 0n });
    expect(read.linux?.securityContext?.runAsGroup).toBeUndefined();
    expect(read.linux?.resources?.memoryLimitInBytes).toBe(2n ** 40n);
    expect(read.linux?.securityContext?.seccomp).toEqual({
      profileType: cri.ProfileType.Localhost,
      localhostRef: "/p.json",
    });
    expect(new TextDecoder().decode(read.envs[0]?.value)).toBe("ü");
  });
});

describe("messages from the runtime", () => {
  it("turn nanoseconds into milliseconds", () => {
    const status = cri.ContainerStatus.fromPartial({ createdAt: 1_767_225_600_123_456_789n, state: 2, exitCode: 3 });
    expect(fromContainerStatus(status, {})).toMatchObject({
      createdAt: 1_767_225_600_123,
      state: "exited",
      startedAt: 0,
    });
  });

  it("collect a sandbox's addresses, primary first", () => {
    const status = cri.PodSandboxStatus.fromPartial({
      id: "s",
      network: { ip: "10.0.0.1", additionalIps: [{ ip: "fd00::1" }, { ip: "" }] },
    });
    expect(fromSandbox(status, status.network).ips).toEqual(["10.0.0.1", "fd00::1"]);
  });

  it("leave out statistics that are not known", () => {
    const stats = cri.ContainerStats.fromPartial({
      attributes: { id: "c" },
      cpu: { usageCoreNanoSeconds: { value: 5n } },
    });
    expect(fromStats(stats)).toEqual({ containerId: "c", labels: {}, timestamp: 0, cpuUsageNanoseconds: 5 });
  });
});

describe("fromGrpcFailure()", () => {
  it.each([
    [5, "NotFound", "NotFound"],
    [14, "Unavailable", "Unavailable"],
    [12, "Unimplemented", "Unsupported"],
    [4, "DeadlineExceeded", "Timeout"],
    [2, "Unknown", "Internal"],
    [99, "Unknown", "Internal"],
  ])("%i reads as Go prints it", (code, name, ours) => {
    const failure = fromGrpcFailure({ code, details: "because" });
    expect(failure).toMatchObject({ code: ours, message: `rpc error: code = ${name} desc = because` });
  });
});

describe("stop signals", () => {
  it.each([
    ["SIGTERM", 23],
    ["SIGKILL", 13],
    ["SIGUSR1", 29],
    ["SIGRTMIN", 35],
    ["SIGRTMIN+1", 36],
    ["SIGRTMIN+15", 50],
    ["SIGRTMAX-14", 51],
    ["SIGRTMAX-1", 64],
    ["SIGRTMAX", 65],
  ])("%s has the number of the interface", (name, number) => {
    expect(stopSignalNumber(name)).toBe(number);
    expect(stopSignalName(number)).toBe(name);
  });
  it("0 is the runtime's choice", () => {
    expect(stopSignalNumber(undefined)).toBe(0);
    expect(stopSignalName(0)).toBeUndefined();
  });
});
