import { describe, expect, it } from "vitest";
import { endpointsKind } from "./core/endpoints.ts";
import { nodeKind } from "./core/nodes.ts";
import { persistentVolumeClaimKind } from "./core/persistent-volume-claims.ts";
import { persistentVolumeKind } from "./core/persistent-volumes.ts";
import { podTemplateKind } from "./core/plain-kinds.ts";
import { serviceAccountKind } from "./core/service-accounts.ts";
import { serviceKind } from "./core/services.ts";
import type { KindDefinition } from "./definition.ts";
import { endpointSliceKind } from "./discovery/endpoint-slices.ts";
import { created, warningsOf } from "./kinds-for-tests.ts";
import { runtimeClassKind } from "./node/runtime-classes.ts";
import { podKind } from "./pods/pods.ts";
import { storageClassKind } from "./storage/storage-classes.ts";

type Json = Readonly<Record<string, unknown>>;

const main = { name: "main", image: "a" };
const podWarnings = (spec: Json): readonly string[] => warningsOf(podKind, { spec: { containers: [main], ...spec } });
const ARCH = 'deprecated since v1.14; use "kubernetes.io/arch" instead';

describe("warnings about pods", () => {
  it.each<[string, Json, readonly string[]]>([
    ["nothing wrong", {}, []],
    ["a time to end that is read as one second", { terminationGracePeriodSeconds: -1 }, []],
    [
      "old labels of nodes",
      { nodeSelector: { "beta.kubernetes.io/arch": "x" } },
      [`spec.nodeSelector[beta.kubernetes.io/arch]: ${ARCH}`],
    ],
    [
      "selectors that match nothing",
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "beta.kubernetes.io/arch", whenUnsatisfiable: "DoNotSchedule" },
        ],
      },
      [
        `spec.topologySpreadConstraints[0].topologyKey: beta.kubernetes.io/arch is ${ARCH}`,
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      ],
    ],
    [
      "volumes of removed systems",
      { volumes: [{ name: "v", glusterfs: {} }] },
      ["spec.volumes[0].glusterfs: deprecated in v1.25, non-functional in v1.26+"],
    ],
    [
      "files that hide each other",
      {
        volumes: [
          {
            name: "v",
            configMap: {
              name: "c",
              items: [
                { key: "a", path: "x" },
                { key: "b", path: "x/y" },
              ],
            },
          },
        ],
      },
      ['volume "v" (ConfigMap "c"): overlapping paths: "x/y" with "x"'],
    ],
    [
      "files of several sources that hide each other",
      {
        volumes: [
          {
            name: "v",
            projected: {
              sources: [
                { secret: { name: "s", items: [{ key: "a", path: "token" }] } },
                { serviceAccountToken: { path: "token" } },
                {},
              ],
            },
          },
        ],
      },
      [
        'volume "v" (Projected) has no sources provided',
        'volume "v" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (Secret "s")',
      ],
    ],
    [
      "names given twice",
      { imagePullSecrets: [{ name: "a" }, { name: "a" }, {}] },
      ['spec.imagePullSecrets[1].name: duplicate name "a"', 'spec.imagePullSecrets[2].name: invalid empty name ""'],
    ],
    [
      "parts of bytes",
      { containers: [{ ...main, resources: { limits: { memory: "100m" } } }] },
      [
        'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
        'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
      ],
    ],
    [
      "hidden variables",
      {
        containers: [
          {
            ...main,
            env: [
              { name: "A", value: "1" },
              { name: "A", value: "$(A)2" },
              { name: "A", value: "3" },
            ],
          },
        ],
      },
      ['spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply'],
    ],
    [
      "ports defined twice",
      {
        containers: [
          {
            ...main,
            ports: [
              { containerPort: 80, name: "a", hostIP: "1.2.3.4" },
              { containerPort: 80, name: "a", hostPort: 80 },
            ],
          },
        ],
      },
      [
        "spec.containers[0].ports[0]: hostIP set without hostPort: {Name:a HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}",
        "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
        'spec.containers[0].ports[1]: duplicate port name "a" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
      ],
    ],
    [
      "addresses written oddly",
      { hostAliases: [{ ip: "::FFFF:1.2.3.4" }, { ip: "FE80::1" }] },
      [
        'spec.hostAliases[0].ip: non-standard IP address "::FFFF:1.2.3.4" is invalid: use "1.2.3.4"',
        'spec.hostAliases[1].ip: IPv6 address "FE80::1" should be in RFC 5952 canonical format ("fe80::1")',
      ],
    ],
  ])("name %s", (_what, spec, warnings) => {
    expect(podWarnings(spec)).toEqual(warnings);
  });

  it("recommend names that are host names", () => {
    const [warning] = warningsOf(podKind, { metadata: { name: "a.b" }, spec: { containers: [main] } });
    expect(warning).toMatch(
      /^metadata\.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: \[must not contain dots\]$/u,
    );
  });

  it("name annotations that became fields", () => {
    const key = "container.apparmor.security.beta.kubernetes.io/main";
    const pod = (value: string, spec: Json = {}): Json => ({
      metadata: { name: "a", annotations: { [key]: value } },
      spec: { containers: [main], ...spec },
    });
    const text = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;
    expect(created(podKind, pod("localhost/x"))["spec"]).toMatchObject({
      containers: [{ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: "x" } } }],
    });
    expect(warningsOf(podKind, pod("localhost/x"))).toEqual([text]);
    expect(warningsOf(podKind, pod("localhost/"))).toEqual([text]);
    const spec = { securityContext: { appArmorProfile: { type: "Unconfined" } } };
    expect(warningsOf(podKind, pod("unconfined", spec))).toEqual([]);
  });

  it("are for new pods only", () => {
    const pod = { spec: { containers: [main], terminationGracePeriodSeconds: -1 } };
    expect(warningsOf(podKind, pod, pod)).toEqual([]);
  });

  it("name places in templates", () => {
    const template = { spec: { containers: [main], terminationGracePeriodSeconds: -1 } };
    expect(warningsOf(podTemplateKind, { template })[0]).toContain("template.spec.terminationGracePeriodSeconds: ");
  });
});

describe("warnings about other objects", () => {
  it.each<[string, KindDefinition, Json, readonly string[]]>([
    [
      "recycled volumes",
      persistentVolumeKind,
      { spec: { persistentVolumeReclaimPolicy: "Recycle", rbd: {} } },
      [
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
        "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
      ],
    ],
    [
      "claims of parts of bytes",
      persistentVolumeClaimKind,
      { spec: { resources: { requests: { storage: "1500m" } } } },
      ['spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'],
    ],
    [
      "classes by old labels",
      storageClassKind,
      {
        provisioner: "x",
        allowedTopologies: [{ matchLabelExpressions: [{ key: "beta.kubernetes.io/arch", values: ["x"] }] }],
      },
      [`allowedTopologies[0].matchLabelExpressions[0].key: ${ARCH}`],
    ],
    [
      "runtime classes by old labels",
      runtimeClassKind,
      { handler: "a", scheduling: { nodeSelector: { "beta.kubernetes.io/arch": "x" } } },
      [`scheduling.nodeSelector: ${ARCH}`],
    ],
    [
      "nodes with host bits in their range",
      nodeKind,
      { spec: { podCIDR: "10.1.2.3/16", externalID: "x" } },
      [
        "spec.externalID: this field is deprecated, and is unused by Kubernetes",
        'spec.podCIDRs[0]: CIDR value "10.1.2.3/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.2.3/32"?)',
      ],
    ],
    [
      "accounts that enforce mountable secrets",
      serviceAccountKind,
      { metadata: { name: "a", annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } } },
      [
        "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
      ],
    ],
    [
      "headless services with external addresses",
      serviceKind,
      { spec: { clusterIP: "None", externalIPs: ["1.2.3.4"] } },
      ["spec.externalIPs is ignored for headless services"],
    ],
    [
      "services close by",
      serviceKind,
      { spec: { trafficDistribution: "PreferClose" } },
      ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
    ],
    [
      "odd addresses of endpoints",
      endpointsKind,
      { subsets: [{ addresses: [{ ip: "010.0.0.1" }] }] },
      ['subsets[0].addresses[0].ip: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'],
    ],
    [
      "slices of names",
      endpointSliceKind,
      { addressType: "FQDN", endpoints: [] },
      ["spec.addressType: FQDN endpoints are deprecated"],
    ],
  ])("name %s", (_what, kind, object, warnings) => {
    expect(warningsOf(kind, object)).toEqual(warnings);
  });
});
