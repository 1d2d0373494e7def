import { describe, expect, it } from "vitest";
import type { Container, Pod } from "../../api/types.ts";
import type { PodReferences } from "../pod-volumes.ts";
import { buildEnvironment } from "./environment.ts";
import { apiServerService, serviceVariables } from "./service-variables.ts";

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const SIGNAL = new AbortController().signal;
const POD: Pod = {
  metadata: { name: "web", namespace: "team", uid: "uid-1", labels: { app: "shop" }, annotations: { "a/b": "c" } },
  spec: { containers: [], nodeName: "node-1", serviceAccountName: "robot" },
};
const REFERENCES: PodReferences = {
  configMap: async (_, name) => (name === "settings" ? { data: { A: "1", B: "2" } } : undefined),
  secret: async (_, name) => (name === "keys" ? { data: { PASSWORD: base64("sécret") } } : undefined),
  retain: () => undefined,
};

async function environmentOf(container: Partial<Container>, pod: Pod = POD): Promise<Record<string, string>> {
  const environment = await buildEnvironment(
    { references: REFERENCES },
    {
      pod,
      container: { name: "app", ...container },
      addresses: { podIps: ["10.0.0.5", "fd00::5"], hostIps: ["192.0.2.1"] },
      services: [],
      allocatable: { cpu: "4", memory: "8Gi" },
    },
    SIGNAL,
  );
  return Object.fromEntries(environment.map(({ name, value }) => [name, value]));
}

const fieldRef = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

describe("buildEnvironment()", () => {
  it("takes envFrom first, lets env override it, and expands what was declared before", async () => {
    const environment = await environmentOf({
      envFrom: [{ prefix: "CFG_", configMapRef: { name: "settings" } }, { configMapRef: { name: "settings" } }],
      env: [
        { name: "A", value: "own" },
        { name: "MIX", value: "$(A)-$(CFG_B)-$(LATER)-$$(A)" },
        { name: "LATER", value: "x" },
      ],
    });
    expect(environment).toEqual({ CFG_A: "1", CFG_B: "2", A: "own", B: "2", MIX: "own-2-$(LATER)-$(A)", LATER: "x" });
  });

  it("knows the pod it is in", async () => {
    const environment = await environmentOf({
      env: [
        fieldRef("NAME", "metadata.name"),
        fieldRef("NAMESPACE", "metadata.namespace"),
        fieldRef("LABEL", "metadata.labels['app']"),
        fieldRef("NOTE", "metadata.annotations['a/b']"),
        fieldRef("NODE", "spec.nodeName"),
        fieldRef("ROBOT", "spec.serviceAccountName"),
        fieldRef("IP", "status.podIP"),
        fieldRef("IPS", "status.podIPs"),
        fieldRef("HOST", "status.hostIP"),
      ],
    });
    expect(environment).toEqual({
      NAME: "web",
      NAMESPACE: "team",
      LABEL: "shop",
      NOTE: "c",
      NODE: "node-1",
      ROBOT: "robot",
      IP: "10.0.0.5",
      IPS: "10.0.0.5,fd00::5",
      HOST: "192.0.2.1",
    });
  });

  it("gives resources in the unit asked for, the node's for limits that are not set", async () => {
    const container: Container = {
      name: "app",
      resources: { limits: { cpu: "1500m" }, requests: { memory: "100Mi" } },
      env: [
        { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "MILLI", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
        { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } } },
        { name: "NODE", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Gi" } } },
      ],
    };
    expect(await environmentOf(container, { ...POD, spec: { containers: [container] } })).toEqual({
      CPUS: "2",
      MILLI: "1500",
      MEMORY: "100",
      NODE: "8",
    });
  });

  it("reads keys of config maps and secrets, and skips what is optional", async () => {
    const key = (kind: "configMapKeyRef" | "secretKeyRef", name: string, key: string, optional = false) => ({
      name: `${name}_${key}`.toUpperCase(),
      valueFrom: { [kind]: { name, key, optional } },
    });
    const environment = await environmentOf({
      envFrom: [{ secretRef: { name: "nothing", optional: true } }],
      env: [
        key("configMapKeyRef", "settings", "A"),
        key("secretKeyRef", "keys", "PASSWORD"),
        key("secretKeyRef", "keys", "none", true),
        key("configMapKeyRef", "nothing", "x", true),
      ],
    });
    expect(environment).toEqual({ SETTINGS_A: "1", KEYS_PASSWORD: "sécret" });
  });

  it.each([
    [{ envFrom: [{ configMapRef: { name: "none" } }] }, 'configmap "none" not found'],
    [{ envFrom: [{ secretRef: { name: "none" } }] }, 'secret "none" not found'],
    [
      { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "settings", key: "Z" } } }] },
      "couldn't find key Z in ConfigMap team/settings",
    ],
    [
      { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "keys", key: "Z" } } }] },
      "couldn't find key Z in Secret team/keys",
    ],
  ])("says what is missing: %#", async (container, message) => {
    await expect(environmentOf(container)).rejects.toThrow(message);
  });
});

describe("serviceVariables()", () => {
  it("announces the API server as upstream does", () => {
    expect(Object.fromEntries(serviceVariables([apiServerService("192.0.2.1", 6443)]))).toEqual({
      KUBERNETES_SERVICE_HOST: "192.0.2.1",
      KUBERNETES_SERVICE_PORT: "6443",
      KUBERNETES_SERVICE_PORT_HTTPS: "6443",
      KUBERNETES_PORT: "tcp://192.0.2.1:6443",
      KUBERNETES_PORT_6443_TCP: "tcp://192.0.2.1:6443",
      KUBERNETES_PORT_6443_TCP_PROTO: "tcp",
      KUBERNETES_PORT_6443_TCP_PORT: "6443",
      KUBERNETES_PORT_6443_TCP_ADDR: "192.0.2.1",
    });
  });

  it("leaves out services without an address", () => {
    const ports = [{ port: 80 }];
    const services = ["None", ""].map((clusterIP) => ({ metadata: { name: "x" }, spec: { clusterIP, ports } }));
    expect(serviceVariables(services).size).toBe(0);
  });

  it("puts IPv6 addresses into brackets where a port follows", () => {
    const service = {
      metadata: { name: "my-db" },
      spec: { clusterIP: "fd00::1", ports: [{ port: 53, protocol: "UDP" }] },
    };
    const variables = serviceVariables([service]);
    expect(variables.get("MY_DB_PORT")).toBe("udp://[fd00::1]:53");
    expect(variables.get("MY_DB_SERVICE_HOST")).toBe("fd00::1");
  });
});
