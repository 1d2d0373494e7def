import { describe, expect, it } from "vitest";
import {
  completeKubeletConfiguration,
  defaultKubeletConfiguration,
  encodeKubeletConfiguration,
  readKubeletConfigurationDocument,
} from "./kubelet-configuration.ts";

const HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
const parse = (text: string) =>
  completeKubeletConfiguration(readKubeletConfigurationDocument(HEAD + text, "test"), "test");

describe("completeKubeletConfiguration()", () => {
  it("starts from the safe defaults of the file format", () => {
    const configuration = defaultKubeletConfiguration();
    expect(configuration.authentication).toEqual({
      x509: { clientCAFile: "" },
      webhook: { enabled: true, cacheTTL: 120_000 },
      anonymous: { enabled: false },
    });
    expect(configuration.authorization).toMatchObject({ mode: "Webhook", connect: "enforce" });
    expect(configuration).toMatchObject({ port: 10250, readOnlyPort: 0, healthzPort: 10248, maxPods: 110 });
  });

  it("tells an explicit zero from the default only where upstream does", () => {
    const configuration = parse("port: 0\nhealthzPort: 0\nresolvConf: ''\naddress: ''\nsyncFrequency: 0s\n");
    expect(configuration).toMatchObject({
      port: 10250,
      healthzPort: 0,
      resolvConf: "",
      address: "0.0.0.0",
      syncFrequency: 60_000,
    });
  });

  it("reports on every node status update when only the update frequency is given", () => {
    expect(parse("nodeStatusUpdateFrequency: 3s").nodeStatusReportFrequency).toBe(3_000);
    expect(parse("maxParallelImagePulls: 5").serializeImagePulls).toBe(false);
  });

  it("has upstream's eviction thresholds unless others are given", () => {
    const defaults = defaultKubeletConfiguration().evictionHard;
    expect(defaults).toMatchObject({ "memory.available": "100Mi", "nodefs.available": "10%" });
    expect(parse("evictionHard: {memory.available: 1Gi}").evictionHard).toEqual({ "memory.available": "1Gi" });
    expect(parse("mergeDefaultEvictionSettings: true\nevictionHard: {memory.available: 1Gi}").evictionHard).toEqual({
      ...defaults,
      "memory.available": "1Gi",
    });
  });

  it("refuses unknown fields and wrong types with their path, all at once", () => {
    expect(() =>
      parse("authentication:\n  webhook:\n    enable: true\nmaxPods: many\nsyncFrequency: 5\n"),
    ).toThrowError(
      /unknown field "authentication\.webhook\.enable".*syncFrequency: expected a duration.*|maxPods: expected an integer/,
    );
    expect(() => parse("shutdownGracePeriodByPodPriority: [{priority: 1, seconds: 2}]")).toThrowError(
      'unknown field "shutdownGracePeriodByPodPriority[0].seconds"',
    );
  });

  it.each([
    ["port: 70000", "port (--port) 70000 must be between 1 and 65535, inclusive"],
    ["authorization: {mode: RBAC}", "unknown authorization mode RBAC"],
    ["authorization: {connect: never}", 'authorization.connect "never" must be one of'],
    ["cgroupsPerQOS: false", 'cgroupsPerQOS (--cgroups-per-qos) must be set to true when "pods" contained in'],
    ["evictionHard: {memory.free: 1Mi}", "evictionHard: unknown eviction signal memory.free"],
    ["imageMaximumGCAge: -1s", "imageMaximumGCAge -1s must not be negative"],
    [
      "imageMinimumGCAge: 2h\nimageMaximumGCAge: 1h",
      "imageMaximumGCAge 1h0m0s must be greater than imageMinimumGCAge 2h0m0s",
    ],
    ["shutdownGracePeriod: 100ms", "shutdownGracePeriod {100ms} must be either zero or otherwise >= 1 sec"],
    ["shutdownGracePeriodCriticalPods: 5s", "shutdownGracePeriodCriticalPods {5s} must be <= shutdownGracePeriod {0s}"],
    ["enableSystemLogQuery: true\nenableSystemLogHandler: false", "enableSystemLogHandler is required for"],
    ["podLogsDir: logs", 'pod logs path "logs" must be absolute path'],
    ["podLogsDir: /a/../b", 'pod logs path "/a/../b" must be normalized'],
    ["podLogsDir: /ä", "must contain ASCII characters only"],
    ["memoryThrottlingFactor: 1.5", "memoryThrottlingFactor 1.5 must be greater than 0"],
    [
      "memoryReservationPolicy: x",
      'option "x" specified for memoryReservationPolicy. Valid options are "None" or "Tiered',
    ],
    [
      "hairpinMode: x",
      'option "x" specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or',
    ],
    [
      "cpuCFSQuotaPeriod: 2s",
      "cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {2s} must be between 1ms and 1sec, inclusive",
    ],
    [
      "topologyManagerPolicy: x",
      '(--topology-manager-policy) "x" must be one of: ["none" "best-effort" "restricted" "single-numa-node"]',
    ],
    ["topologyManagerScope: x", '(--topology-manager-scope) "x" must be one of: "container", or "pod"'],
    ["memorySwap: {swapBehavior: x}", 'memorySwap.swapBehavior "x" must be one of: "", "LimitedSwap" or "NoSwap"'],
    ["logging: {format: x}", 'logging.format: Invalid value: "x": Unsupported log format'],
    [
      "enforceNodeAllocatable: [system-reserved-compressible]",
      'must be specified when "system-reserved" or "system-reserved-compressible" included in enforceNodeAllocatable',
    ],
    ["enforceNodeAllocatable: [none, none]", 'duplicated enforcements "none" in enforceNodeAllocatable'],
    [
      "enforceNodeAllocatable: [x]",
      'option "x" specified for enforceNodeAllocatable (--enforce-node-allocatable). Valid options are "pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible" or "none"',
    ],
    ["reservedSystemCPUs: 0-x", "unable to parse reservedSystemCPUs (--reserved-cpus) 0-x, error:"],
    ["reservedSystemCPUs: 3-1", "unable to parse reservedSystemCPUs (--reserved-cpus) 3-1, error:"],
    ["reservedMemory: [{limits: {cpu: '1'}}]", 'the limit type "cpu" for NUMA node 0 is not supported'],
    [
      "reservedMemory: [{limits: {memory: '0'}}]",
      'reserved memory may not be zero for NUMA node 0 and resource "memory"',
    ],
    [
      "reservedMemory: [{numaNode: 1, limits: {memory: 1Gi}}, {numaNode: 1, limits: {memory: 2Gi}}]",
      'the reserved memory has a duplicate value for NUMA node 1 and resource "memory"',
    ],
    ["tracing: {samplingRatePerMillion: -1}", "tracing.samplingRatePerMillion: Invalid value: -1: sampling rate must"],
    ["tracing: {endpoint: 'dn%2s://localhost:4317'}", 'tracing.endpoint: Invalid value: "dn%2s://localhost:4317"'],
    ["reservedSystemCPUs: '0'\nkubeReservedCgroup: /k", "can't use reservedSystemCPUs (--reserved-cpus) with"],
    ["preloadedImagesVerificationAllowlist: [a]", "can't set `preloadedImagesVerificationAllowlist` if"],
    ["tlsCertFile: /a", "tlsCertFile and tlsPrivateKeyFile must be given together"],
  ])("refuses %s", (text, message) => {
    expect(() => parse(text)).toThrowError(message);
  });

  it("refuses a wrong kind and broken YAML", () => {
    expect(() => readKubeletConfigurationDocument("kind: Pod\napiVersion: v1\n", "a.yaml")).toThrowError(
      /a\.yaml is invalid: apiVersion and kind must be/,
    );
    expect(() => readKubeletConfigurationDocument(`${HEAD}port: [\n`, "a.yaml")).toThrowError(/line/);
    expect(() => readKubeletConfigurationDocument(`${HEAD}port: 1\nport: 2\n`, "a.yaml")).toThrowError(/unique/);
  });
});

describe("encodeKubeletConfiguration()", () => {
  it("writes durations as Go does and leaves out what upstream omits", () => {
    const encoded = encodeKubeletConfiguration(defaultKubeletConfiguration());
    expect(encoded).toMatchObject({
      kind: "KubeletConfiguration",
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      syncFrequency: "1m0s",
      cpuCFSQuotaPeriod: "100ms",
      imageMaximumGCAge: "0s",
      memorySwap: {},
    });
    for (const name of ["readOnlyPort", "clusterDNS", "tracing", "userNamespaces", "rotateCertificates"]) {
      expect(encoded).not.toHaveProperty(name);
    }
  });

  it("is read back to the same configuration", () => {
    const configuration = parse("maxPods: 20\nclusterDNS: [10.0.0.10]\nreadOnlyPort: 10255\n");
    const { kind: _kind, apiVersion: _version, ...document } = encodeKubeletConfiguration(configuration);
    expect(completeKubeletConfiguration(document, "again")).toEqual(configuration);
  });
});
