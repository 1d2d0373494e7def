import { describe, expect, it } from "vitest";
import { certificateSigningRequestKind } from "./certificates/certificate-signing-requests.ts";
import { leaseKind } from "./coordination/leases.ts";
import { endpointSliceKind } from "./discovery/endpoint-slices.ts";
import { createProblems, created, row, statusProblems, updateProblems } from "./kinds-for-tests.ts";
import { runtimeClassKind } from "./node/runtime-classes.ts";
import { podDisruptionBudgetKind } from "./policy/pod-disruption-budgets.ts";
import { priorityClassKind } from "./scheduling/priority-classes.ts";

describe("leases", () => {
  it("last some time and change hands a counted number of times", () => {
    expect(createProblems(leaseKind, { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } })).toEqual([
      "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
      "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]);
  });

  it("have a strategy only where leaders are coordinated", () => {
    const spec = { strategy: "Best", preferredHolder: "a" };
    expect(created(leaseKind, { spec })["spec"]).toEqual({});
    expect(createProblems(leaseKind, { spec }, { CoordinatedLeaderElection: true })).toEqual([
      'spec.strategy: Unsupported value: "Best": supported values: "OldestEmulationVersion"',
    ]);
  });
});

describe("runtime classes", () => {
  it("name a handler, and keep it", () => {
    expect(createProblems(runtimeClassKind, { handler: "A_b" })).toEqual([
      expect.stringContaining('handler: Invalid value: "A_b": a lowercase RFC 1123 label must consist'),
    ]);
    expect(updateProblems(runtimeClassKind, { handler: "a" }, { handler: "b" })).toEqual([
      'handler: Invalid value: "b": field is immutable',
    ]);
  });

  it("tolerate each taint once", () => {
    const toleration = { key: "a", operator: "Exists" };
    const [problem] = createProblems(runtimeClassKind, {
      handler: "a",
      scheduling: { tolerations: [toleration, toleration] },
    });
    expect(problem).toContain("scheduling.tolerations[1]: Duplicate value");
  });
});

describe("priority classes", () => {
  it("leave the highest values and the names of the system to the system", () => {
    expect(createProblems(priorityClassKind, { value: 1_000_000_001 })).toEqual([
      "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ]);
    expect(createProblems(priorityClassKind, { metadata: { name: "system-mine" }, value: 1 })).toEqual([
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ]);
    const critical = { metadata: { name: "system-node-critical" }, value: 2_000_001_000 };
    expect(createProblems(priorityClassKind, critical)).toEqual([]);
  });

  it("keep their value", () => {
    expect(updateProblems(priorityClassKind, { value: 1 }, { value: 2, preemptionPolicy: "Never" })).toEqual([
      "value: Forbidden: may not be changed in an update.",
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]);
  });
});

describe("pod disruption budgets", () => {
  it.each([
    [
      { minAvailable: 1, maxUnavailable: 1 },
      [expect.stringContaining("minAvailable and maxUnavailable cannot be both set")],
    ],
    [{ minAvailable: "101%" }, ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%']],
    [{ maxUnavailable: -1 }, ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"]],
    [{ minAvailable: "50%" }, []],
  ])("check %j", (spec, problems) => {
    expect(createProblems(podDisruptionBudgetKind, { spec })).toEqual(problems);
  });

  it("count pods", () => {
    const status = { disruptionsAllowed: -1, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    expect(statusProblems(podDisruptionBudgetKind, {}, status)).toEqual([
      "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0",
    ]);
  });
});

describe("endpoint slices", () => {
  it("hold addresses of one type", () => {
    const slice = { addressType: "IPv4", endpoints: [{ addresses: ["::2"] }, {}] };
    expect(createProblems(endpointSliceKind, slice)).toEqual([
      'endpoints[0].addresses: Invalid value: "::2": must be an IPv4 address',
      "endpoints[1].addresses: Required value: must contain at least 1 address",
    ]);
    expect(updateProblems(endpointSliceKind, slice, { ...slice, addressType: "IPv6" })).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ]);
  });
});

describe("certificate signing requests", () => {
  const request = btoa("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n");
  const spec = { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] };
  const approved = { type: "Approved", status: "True", reason: "Fine" };

  it.each([
    [{}, []],
    [{ request: btoa("x") }, [expect.stringContaining("PEM block type must be CERTIFICATE REQUEST")]],
    [{ usages: [] }, ["spec.usages: Required value"]],
    [{ usages: ["fun"] }, [expect.stringContaining('spec.usages[0]: Unsupported value: "fun"')]],
    [
      { signerName: "kubernetes.io/legacy-unknown" },
      [
        'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
      ],
    ],
    [
      { expirationSeconds: 599 },
      ["spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"],
    ],
  ])("check %j", (change, problems) => {
    expect(createProblems(certificateSigningRequestKind, { spec: { ...spec, ...change } })).toEqual(problems);
  });

  it("are decided once, one way", () => {
    const denied = { ...approved, type: "Denied" };
    const both = statusProblems(certificateSigningRequestKind, { spec }, { conditions: [approved, denied] });
    expect(both).toEqual([
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
    expect(statusProblems(certificateSigningRequestKind, { spec }, { certificate: btoa("x") })).toEqual([
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
    ]);
  });

  it("show what became of them", () => {
    const status = { conditions: [approved], certificate: "x" };
    const shown = row(certificateSigningRequestKind, {
      spec: { ...spec, username: "u", expirationSeconds: 3600 },
      status,
    });
    expect(shown).toMatchObject({ Requestor: "u", RequestedDuration: "60m", Condition: "Approved,Issued" });
  });
});
