import { describe, expect, it } from "vitest";
import type { Pod } from "../api/types.ts";
import { hasReason } from "../machinery/answer-error.ts";
import {
  CERTIFICATE_SIGNING_REQUESTS,
  CONFIG_MAPS,
  EVENTS,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  SERVICE_ACCOUNTS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from "../machinery/resources.ts";
import { type ControllerHost, startControllers } from "../testing/controller-host.ts";
import { withRbac } from "../testing/with-rbac.ts";
import { CONTROLLER_NAMES, createControllers, createSchedulerController } from "./index.ts";

const contents = {
  commonName: "system:node:n1",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: ["10.0.0.1"],
  emailAddresses: [],
  uris: [],
};
const signer = {
  inspect: async () => contents,
  sign: async () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

const isGone = async (get: Promise<unknown>): Promise<boolean> =>
  hasReason(await get.catch((reason: unknown) => reason), "NotFound");

async function addNode({ client, signal }: ControllerHost): Promise<void> {
  const annotations = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
  await client.create(NODES, { metadata: { name: "n1", annotations } }, signal);
  const amounts = { cpu: "4", memory: "8Gi", pods: "10" };
  const value = { status: { allocatable: amounts, conditions: [{ type: "Ready", status: "True" }] } };
  await client.patch(NODES, { name: "n1" }, { type: "strategic", value }, signal, { subresource: "status" });
}

describe("with exactly the rights of upstream's roles", () => {
  it("the controllers do their work and are refused nothing", async () => {
    const refused: string[] = [];
    const host = await startControllers(
      (deps) =>
        createControllers(CONTROLLER_NAMES, deps, {
          rootCa: "PEM",
          signer,
          namesOfNode: () => contents.ipAddresses,
          singleApiServer: true,
        }),
      withRbac("system:kube-controller-manager", refused),
    );
    const { client, signal } = host;
    try {
      await client.create(NAMESPACES, { metadata: { name: "apps" } }, signal);
      await host.until(() => client.get(SERVICE_ACCOUNTS, { namespace: "apps", name: "default" }, signal));
      await host.until(() => client.get(CONFIG_MAPS, { namespace: "apps", name: "kube-root-ca.crt" }, signal));
      await addNode(host);
      await host.until(async () =>
        expect((await client.get(NODES, { name: "n1" }, signal)).spec?.taints ?? []).toEqual([]),
      );

      const owner = await client.create(CONFIG_MAPS, { metadata: { namespace: "apps", name: "owner" } }, signal);
      const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata?.uid ?? "" };
      const child = { namespace: "apps", name: "child", ownerReferences: [{ ...reference, blockOwnerDeletion: true }] };
      await client.create(CONFIG_MAPS, { metadata: child }, signal);
      await host.clock.advance(1_000);
      await client.delete(CONFIG_MAPS, { namespace: "apps", name: "owner" }, signal, {
        propagationPolicy: "Foreground",
      });
      await host.until(() => isGone(client.get(CONFIG_MAPS, { namespace: "apps", name: "owner" }, signal)));

      const request = btoa("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n");
      const usages = ["digital signature", "server auth"];
      const nodeClient = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"], extra: {} };
      await host.server.objects.create("certificatesigningrequests.certificates.k8s.io", "", {
        metadata: { name: "csr" },
        spec: {
          request,
          signerName: "kubernetes.io/kubelet-serving",
          usages,
          username: nodeClient.name,
          groups: nodeClient.groups,
        },
      });
      await host.until(async () => {
        const { status } = await client.get(CERTIFICATE_SIGNING_REQUESTS, { name: "csr" }, signal);
        expect(status?.certificate).toBeDefined();
      });

      const resources = { requests: { storage: "1Gi" } };
      const claim = {
        metadata: { namespace: "apps", name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources },
      };
      await client.create(PERSISTENT_VOLUME_CLAIMS, claim, signal);
      await client.delete(PERSISTENT_VOLUME_CLAIMS, claim.metadata, signal);
      await host.until(() => isGone(client.get(PERSISTENT_VOLUME_CLAIMS, claim.metadata, signal)));

      const size = { storage: "1Gi" };
      const csi = { driver: "d.example.com", volumeHandle: "h" };
      const accessModes = ["ReadWriteOnce"];
      await client.create(
        PERSISTENT_VOLUMES,
        {
          metadata: { name: "v" },
          spec: { capacity: size, accessModes, csi, persistentVolumeReclaimPolicy: "Retain" },
        },
        signal,
      );
      const template = { spec: { accessModes, resources: { requests: size } } };
      const pod: Pod = {
        metadata: { namespace: "apps", name: "p" },
        spec: {
          nodeName: "n1",
          containers: [{ name: "c", image: "i" }],
          volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: template } }],
        },
      };
      await client.create(PODS, pod, signal);
      await host.until(async () => {
        const { items } = await client.list(VOLUME_ATTACHMENTS, {}, signal);
        expect(items.map(({ spec }) => spec.nodeName)).toEqual(["n1"]);
        const { name = "" } = items[0]?.metadata ?? {};
        const value = { status: { attached: true } };
        await client.patch(VOLUME_ATTACHMENTS, { name }, { type: "merge", value }, signal, { subresource: "status" });
      });
      await host.until(async () => {
        const { status } = await client.get(NODES, { name: "n1" }, signal);
        expect(status?.volumesAttached).toHaveLength(1);
      });
      const taints = [{ key: "k", effect: "NoExecute" }];
      await client.patch(NODES, { name: "n1" }, { type: "merge", value: { spec: { taints } } }, signal);
      await host.until(async () => {
        const { metadata } = await client.get(PODS, { namespace: "apps", name: "p" }, signal);
        expect(metadata?.deletionTimestamp).toBeDefined();
      });
      await client.delete(NODES, { name: "n1" }, signal);
      await host.until(() => isGone(client.get(PODS, { namespace: "apps", name: "p" }, signal)));
      await host.until(async () => {
        expect((await client.get(PERSISTENT_VOLUMES, { name: "v" }, signal)).status?.phase).toBe("Released");
      });
      await client.delete(NAMESPACES, { name: "apps" }, signal);
      await host.until(() => isGone(client.get(NAMESPACES, { name: "apps" }, signal)));
      expect((await client.list(EVENTS, { namespace: "default" }, signal)).items.map(({ reason }) => reason)).toContain(
        "RegisteredNode",
      );
    } finally {
      await host.stop();
    }
    expect(refused).toEqual([]);
  });

  it("the scheduler does its work and is refused nothing", async () => {
    const refused: string[] = [];
    const host = await startControllers(
      (deps) => [createSchedulerController(deps)],
      withRbac("system:kube-scheduler", refused),
    );
    const { client, signal } = host;
    try {
      await addNode(host);
      const storageClass = { provisioner: "example.com", volumeBindingMode: "WaitForFirstConsumer" };
      await client.create(STORAGE_CLASSES, { metadata: { name: "late" }, ...storageClass }, signal);
      const size = { storage: "1Gi" };
      const accessModes = ["ReadWriteOnce"];
      const spec = { accessModes, storageClassName: "late" };
      const hostPath = { path: "/data" };
      const volume = await client.create(
        PERSISTENT_VOLUMES,
        { metadata: { name: "v" }, spec: { ...spec, capacity: size, hostPath } },
        signal,
      );
      await client.updateStatus(PERSISTENT_VOLUMES, { ...volume, status: { phase: "Available" } }, signal);
      for (const [name, accessMode] of Object.entries({ found: "ReadWriteOnce", made: "ReadWriteMany" })) {
        await client.create(
          PERSISTENT_VOLUME_CLAIMS,
          {
            metadata: { namespace: "default", name },
            spec: { ...spec, accessModes: [accessMode], resources: { requests: size } },
          },
          signal,
        );
      }
      const volumes = ["found", "made"].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
      const withClaims: Pod = {
        metadata: { namespace: "default", name: "stateful" },
        spec: { containers: [{ name: "c", image: "i" }], volumes },
      };
      const pod: Pod = {
        metadata: { namespace: "default", name: "p" },
        spec: { containers: [{ name: "c", image: "i" }] },
      };
      await client
        .create(SERVICE_ACCOUNTS, { metadata: { namespace: "default", name: "default" } }, signal)
        .catch(() => undefined);
      await client.create(PODS, pod, signal);
      await host.until(async () => {
        const { status } = await client.get(PODS, { namespace: "default", name: "p" }, signal);
        expect(status?.conditions?.some(({ reason }) => reason === "Unschedulable")).toBe(true);
      });
      await client.patch(NODES, { name: "n1" }, { type: "merge", value: { spec: { taints: null } } }, signal);
      await host.until(async () => {
        expect((await client.get(PODS, { namespace: "default", name: "p" }, signal)).spec?.nodeName).toBe("n1");
      });
      await client.create(PODS, withClaims, signal);
      await host.until(async () => {
        const claim = await client.get(PERSISTENT_VOLUME_CLAIMS, { namespace: "default", name: "made" }, signal);
        expect(claim.metadata?.annotations?.["volume.kubernetes.io/selected-node"]).toBe("n1");
        expect((await client.get(PERSISTENT_VOLUMES, { name: "v" }, signal)).spec?.claimRef?.name).toBe("found");
      });
      await host.until(async () => expect((await client.list(EVENTS, {}, signal)).items.length).toBeGreaterThan(1));
    } finally {
      await host.stop();
    }
    expect(refused).toEqual([]);
  });
});
