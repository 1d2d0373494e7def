import { describe, expect, it } from "vitest";
import type { KubernetesObject, Pod, PodSpec } from "../../types.ts";
import { testContext } from "../gates-for-tests.ts";
import { podKind } from "./pods.ts";

function specOf(spec: PodSpec): PodSpec {
  return (podKind.applyDefaults({ spec } as KubernetesObject) as Pod).spec ?? { containers: [] };
}

describe("pod defaults", () => {
  it("fills in what every pod has", () => {
    expect(specOf({ containers: [{ name: "a", image: "busybox" }] })).toEqual({
      containers: [
        {
          name: "a",
          image: "busybox",
          imagePullPolicy: "Always",
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      dnsPolicy: "ClusterFirst",
      restartPolicy: "Always",
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      schedulerName: "default-scheduler",
      enableServiceLinks: true,
    });
  });

  it("takes a negative grace period for one second", () => {
    expect(specOf({ containers: [], terminationGracePeriodSeconds: -5 }).terminationGracePeriodSeconds).toBe(1);
  });

  it("pulls tagged and pinned images only when they are not there", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const images = ["a:1", `a@${digest}`, "a:latest", "", "Bad Name"];
    const { containers } = specOf({ containers: images.map((image, i) => ({ name: `c${i}`, image })) });
    expect(containers.map((container) => container.imagePullPolicy)).toEqual([
      "IfNotPresent",
      "IfNotPresent",
      "Always",
      "IfNotPresent",
      "IfNotPresent",
    ]);
  });

  it("takes requests from limits and host ports from ports", () => {
    const { containers, initContainers } = specOf({
      hostNetwork: true,
      initContainers: [{ name: "i", resources: { limits: { cpu: "1" } } }],
      containers: [
        {
          name: "a",
          ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 8081, protocol: "UDP" }],
          resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m" } },
        },
      ],
    });
    expect(containers[0]?.resources?.requests).toEqual({ cpu: "100m", memory: "1Gi" });
    expect(initContainers?.[0]?.resources?.requests).toEqual({ cpu: "1" });
    expect(containers[0]?.ports).toEqual([
      { containerPort: 80, hostPort: 80, protocol: "TCP" },
      { containerPort: 81, hostPort: 8081, protocol: "UDP" },
    ]);
  });

  it("fills in probes, hooks, environment and amounts", () => {
    const [container] = specOf({
      containers: [
        {
          name: "a",
          livenessProbe: { httpGet: { port: 80 }, periodSeconds: 3 },
          readinessProbe: { grpc: { port: 1 } },
          lifecycle: { preStop: { httpGet: { port: 1, path: "/x" } } },
          env: [{ name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
          resources: { requests: { cpu: "100100u" } },
        },
      ],
    }).containers;
    expect(container?.livenessProbe).toEqual({
      httpGet: { port: 80, path: "/", scheme: "HTTP" },
      periodSeconds: 3,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: 3,
    });
    expect(container?.readinessProbe?.grpc).toEqual({ port: 1, service: "" });
    expect(container?.lifecycle?.preStop?.httpGet).toEqual({ port: 1, path: "/x", scheme: "HTTP" });
    expect(container?.env?.[0]?.valueFrom?.fieldRef?.apiVersion).toBe("v1");
    expect(container?.resources?.requests).toEqual({ cpu: "101m" });
  });

  it("fills in volumes", () => {
    const { volumes } = specOf({
      containers: [{ name: "a" }],
      volumes: [
        { name: "none" },
        { name: "host", hostPath: { path: "/x" } },
        { name: "secret", secret: { secretName: "s" } },
        { name: "map", configMap: { name: "m", defaultMode: 256 } },
        {
          name: "all",
          projected: {
            sources: [
              { serviceAccountToken: { path: "t" } },
              { downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.name" } }] } },
            ],
          },
        },
        { name: "image", image: { reference: "a:latest" } },
      ],
    });
    expect(volumes).toEqual([
      { name: "none", emptyDir: {} },
      { name: "host", hostPath: { path: "/x", type: "" } },
      { name: "secret", secret: { secretName: "s", defaultMode: 420 } },
      { name: "map", configMap: { name: "m", defaultMode: 256 } },
      {
        name: "all",
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { path: "t", expirationSeconds: 3600 } },
            { downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.name", apiVersion: "v1" } }] } },
          ],
        },
      },
      { name: "image", image: { reference: "a:latest", pullPolicy: "Always" } },
    ]);
  });

  it("completes pod-level resources", () => {
    const { resources } = specOf({
      containers: [{ name: "a", resources: { requests: { cpu: "100m" }, limits: { "hugepages-2Mi": "2Mi" } } }],
      resources: { limits: { cpu: "1", memory: "1Gi" } },
    });
    expect(resources).toEqual({
      limits: { cpu: "1", memory: "1Gi", "hugepages-2Mi": "2Mi" },
      requests: { cpu: "100m", memory: "1Gi", "hugepages-2Mi": "2Mi" },
    });
  });

  it("changes nothing the second time", () => {
    const pod = { spec: { containers: [{ name: "a", ports: [{ containerPort: 1 }] }], volumes: [{ name: "v" }] } };
    const once = podKind.applyDefaults(pod);
    expect(podKind.applyDefaults(once)).toEqual(once);
  });
});

describe("a pod about to be created", () => {
  const pod = {
    metadata: { name: "a", labels: { app: "x" } },
    spec: { hostUsers: false, containers: [{ name: "a" }], schedulingGates: [{ name: "wait" }] },
    status: { phase: "Running" },
  };

  it("is pending, whatever status was sent", () => {
    const { status } = podKind.prepareForCreate(pod, testContext()) as Pod;
    expect(status?.phase).toBe("Pending");
    expect(status?.qosClass).toBe("BestEffort");
    expect(status?.conditions?.[0]?.reason).toBe("SchedulingGated");
  });

  it("loses fields of features that are off", () => {
    const off = testContext({ UserNamespacesSupport: false });
    expect((podKind.prepareForCreate(pod, off) as Pod).spec?.hostUsers).toBeUndefined();
    expect((podKind.prepareForCreate(pod, testContext()) as Pod).spec?.hostUsers).toBe(false);
    expect((podKind.prepareForUpdate(pod, pod, off) as Pod).spec?.hostUsers).toBe(false);
  });

  it("merges label keys into selectors", () => {
    const spread = {
      ...pod,
      spec: {
        containers: [],
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "h",
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: {},
            matchLabelKeys: ["app", "no"],
          },
        ],
      },
    };
    const { spec } = podKind.prepareForCreate(spread, testContext()) as Pod;
    expect(spec?.topologySpreadConstraints?.[0]?.labelSelector).toEqual({
      matchExpressions: [{ key: "app", operator: "In", values: ["x"] }],
    });
  });
});

describe("a pod's status about to be written", () => {
  it("keeps the QoS class and observed generations", () => {
    const old = {
      status: { qosClass: "Burstable", conditions: [{ type: "Ready", status: "False", observedGeneration: 2 }] },
    };
    const next = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
    const { status } = podKind.prepareForStatusUpdate(next, old, testContext()) as Pod;
    expect(status).toEqual({
      phase: "Running",
      qosClass: "Burstable",
      conditions: [{ type: "Ready", status: "True", observedGeneration: 2 }],
    });
  });
});
