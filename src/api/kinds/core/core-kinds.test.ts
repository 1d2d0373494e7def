import { describe, expect, it } from "vitest";
import { createProblems, created, replaced, row, statusProblems, updateProblems } from "../kinds-for-tests.ts";
import { configMapKind } from "./config-maps.ts";
import { endpointsKind } from "./endpoints.ts";
import { eventKind } from "./events.ts";
import { namespaceKind } from "./namespaces.ts";
import { nodeKind } from "./nodes.ts";
import { podTemplateKind } from "./plain-kinds.ts";
import { secretKind } from "./secrets.ts";
import { serviceKind } from "./services.ts";

const encode = (text: string): string => Buffer.from(text).toString("base64");

describe("namespaces", () => {
  it("are active, labelled with their name and held by a finalizer", () => {
    const namespace = created(namespaceKind, {});
    expect(namespace["spec"]).toEqual({ finalizers: ["kubernetes"] });
    expect(namespace["status"]).toEqual({ phase: "Active" });
    expect(namespace.metadata?.labels).toEqual({ "kubernetes.io/metadata.name": "a" });
  });

  it("refuse finalizers that nobody owns", () => {
    expect(createProblems(namespaceKind, { spec: { finalizers: ["mine"] } })).toEqual([
      'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ]);
  });

  it("are terminating only when deleted", () => {
    expect(statusProblems(namespaceKind, {}, { phase: "Terminating" })).toEqual([
      "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
    ]);
  });
});

describe("nodes", () => {
  it("can allocate all they have unless they say otherwise, and keep both ways to write pod ranges", () => {
    const node = created(nodeKind, { spec: { podCIDR: "10.1.0.0/24" }, status: { capacity: { cpu: "4" } } });
    expect(node).toMatchObject({ spec: { podCIDRs: ["10.1.0.0/24"] }, status: { allocatable: { cpu: "4" } } });
  });

  it.each([
    [{ taints: [{ key: "a", effect: "NoRun" }] }, 'metadata.taints[0].effect: Unsupported value: "NoRun"'],
    [{ taints: [{ key: "a" }] }, "metadata.taints[0].effect: Required value"],
    [{ podCIDRs: ["10.0.0.0/8", "10.1.0.0/16"] }, "spec.podCIDRs: Invalid value"],
    [{ podCIDRs: ["x"] }, 'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value'],
  ])("refuse the spec %j", (spec, problem) => {
    expect(createProblems(nodeKind, { spec })[0]).toContain(problem);
  });

  it("keep their pod ranges and their provider's name", () => {
    const old = { spec: { podCIDR: "10.1.0.0/24", providerID: "x://1" } };
    expect(updateProblems(nodeKind, old, { spec: { podCIDR: "10.2.0.0/24", providerID: "x://2" } })).toEqual([
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]);
  });

  it("list declared features in order", () => {
    const problems = statusProblems(nodeKind, {}, { declaredFeatures: ["B", "A", "c"] });
    expect(problems).toEqual([
      'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
      expect.stringContaining('status.declaredFeatures[2]: Invalid value: "c": invalid feature name "c": must start'),
    ]);
  });
});

describe("secrets", () => {
  it("turn text into data", () => {
    const secret = created(secretKind, { stringData: { a: "ä" }, data: { a: encode("old"), b: encode("b") } });
    expect(secret).toMatchObject({ type: "Opaque", data: { a: encode("ä"), b: encode("b") } });
    expect(secret).not.toHaveProperty("stringData");
  });

  it.each([
    [{ type: "kubernetes.io/tls" }, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
    [{ type: "kubernetes.io/basic-auth" }, ["data[username]: Required value", "data[password]: Required value"]],
    [{ type: "kubernetes.io/ssh-auth" }, ["data[ssh-privatekey]: Required value"]],
    [{ type: "kubernetes.io/dockerconfigjson" }, ["data[.dockerconfigjson]: Required value"]],
    [
      { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": encode("no") } },
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object'],
    ],
    [
      { type: "kubernetes.io/service-account-token" },
      ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ],
    [{ data: { "a/b": "" } }, [expect.stringContaining('data[a/b]: Invalid value: "a/b": a valid config key must')]],
    [{ data: { a: encode("x".repeat(1_048_577)) } }, ["data: Too long: may not be more than 1048576 bytes"]],
    [{ type: "kubernetes.io/dockercfg", data: { ".dockercfg": encode("{}") } }, []],
  ])("check what their type demands: %j", (secret, problems) => {
    expect(createProblems(secretKind, secret)).toEqual(problems);
  });

  it("do not change their type, nor anything once they are immutable", () => {
    const old = { immutable: true, data: { a: encode("a") } };
    expect(updateProblems(secretKind, old, { type: "x/y", data: {} })).toEqual([
      'type: Invalid value: "x/y": field is immutable',
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ]);
  });
});

describe("config maps", () => {
  it("hold each key once", () => {
    expect(createProblems(configMapKind, { data: { a: "x" }, binaryData: { a: encode("y") } })).toEqual([
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ]);
  });

  it("do not change once they are immutable, but become so", () => {
    expect(updateProblems(configMapKind, { data: { a: "1" } }, { data: { a: "2" }, immutable: true })).toEqual([]);
    expect(updateProblems(configMapKind, { immutable: true }, { binaryData: { a: "" }, immutable: true })).toEqual([
      "binaryData: Forbidden: field is immutable when `immutable` is set",
    ]);
  });
});

describe("events", () => {
  const about = { kind: "Pod", namespace: "default", name: "p" };

  it("are about something in their namespace", () => {
    expect(createProblems(eventKind, { involvedObject: about })).toEqual([]);
    expect(createProblems(eventKind, { involvedObject: { ...about, namespace: "other" } })).toEqual([
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ]);
    expect(createProblems(eventKind, { involvedObject: { kind: "Node", name: "n" } })).toEqual([]);
  });

  it("say who reported what, when they are of the newer form", () => {
    const event = { involvedObject: about, eventTime: "2026-01-01T00:00:00.000000Z", message: "x".repeat(1025) };
    expect(createProblems(eventKind, event)).toEqual([
      "reportingComponent: Required value",
      expect.stringContaining('reportingComponent: Invalid value: "": name part must be non-empty'),
      expect.stringContaining('reportingComponent: Invalid value: "": name part must consist of'),
      "reportingInstance: Required value",
      "action: Required value",
      "reason: Required value",
      'message: Invalid value: "": can have at most 1024 characters',
    ]);
  });

  it("show when and how often", () => {
    const event = {
      involvedObject: about,
      source: { component: "kubelet", host: "n" },
      reason: "Killing",
      type: "Normal",
      message: " bye\n",
      firstTimestamp: "2025-12-31T23:00:00Z",
      lastTimestamp: "2025-12-31T23:59:30Z",
      count: 4,
    };
    expect(row(eventKind, event)).toMatchObject({
      "Last Seen": "30s",
      "First Seen": "60m",
      Object: "pod/p",
      Source: "kubelet, n",
      Message: "bye",
      Count: 4,
    });
  });
});

describe("services", () => {
  const port = { port: 80 };

  it("are reachable in the cluster by default, on the port they name", () => {
    expect(created(serviceKind, { spec: { ports: [port] } })["spec"]).toEqual({
      type: "ClusterIP",
      sessionAffinity: "None",
      internalTrafficPolicy: "Cluster",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    });
  });

  it("keep the address they were given, also when it is left out of an update", () => {
    const old = { spec: { clusterIP: "10.0.0.1", ports: [port] } };
    expect(replaced(serviceKind, old, { spec: { ports: [port] } })["spec"]).toMatchObject({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    });
    expect(updateProblems(serviceKind, old, { spec: { clusterIP: "10.0.0.2", ports: [port] } })).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
    ]);
  });

  it.each([
    [{}, ["spec.ports: Required value"]],
    [{ clusterIP: "None" }, []],
    [{ type: "ExternalName" }, ["spec.externalName: Required value"]],
    [{ type: "ExternalName", externalName: "example.com." }, []],
    [
      { type: "LoadBalancer", clusterIP: "None", ports: [port] },
      ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"],
    ],
    [
      { ports: [port, port] },
      [
        "spec.ports[0].name: Required value",
        "spec.ports[1].name: Required value",
        expect.stringContaining("spec.ports[1]: Duplicate value"),
      ],
    ],
    [
      { ports: [{ port: 0 }] },
      [
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
      ],
    ],
    [
      { ports: [{ port: 80, nodePort: 3 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      { ports: [port], externalIPs: ["127.0.0.1"] },
      ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ],
    [
      { ports: [port], externalTrafficPolicy: "Local" },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      { ports: [port], sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 90_000 } } },
      [
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than 86400",
      ],
    ],
    [
      { ports: [port], selector: { "a b": "" } },
      [expect.stringContaining('spec.selector: Invalid value: "a b": name part must consist of')],
    ],
  ])("check %j", (spec, problems) => {
    expect(createProblems(serviceKind, { spec })).toEqual(problems);
  });

  it("show where they are reached", () => {
    const spec = { type: "NodePort", ports: [{ port: 80, nodePort: 30_080, protocol: "TCP" }], selector: { a: "b" } };
    expect(row(serviceKind, { spec })).toMatchObject({
      "Cluster-IP": "<none>",
      "External-IP": "<none>",
      "Port(s)": "80:30080/TCP",
      Selector: "a=b",
    });
  });
});

describe("endpoints", () => {
  it("have addresses that traffic can go to", () => {
    const subsets = [{ addresses: [{ ip: "0.0.0.0" }, { ip: "169.254.0.1" }], ports: [{ port: 1 }, { port: 2 }] }, {}];
    expect(createProblems(endpointsKind, { subsets })).toEqual([
      'subsets[0].addresses[0].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
      'subsets[0].addresses[1].ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      "subsets[0].ports[0].name: Required value",
      "subsets[0].ports[1].name: Required value",
      "subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`",
    ]);
    expect(updateProblems(endpointsKind, { subsets }, { subsets })).toEqual([]);
  });
});

describe("pod templates", () => {
  it("are defaulted and checked as pods are", () => {
    const template = { spec: { containers: [{ name: "A", image: "x" }] } };
    expect(created(podTemplateKind, { template })["template"]).toMatchObject({ spec: { restartPolicy: "Always" } });
    expect(createProblems(podTemplateKind, { template })).toEqual([
      expect.stringContaining('template.spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label'),
    ]);
  });
});
