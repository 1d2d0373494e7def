import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { describe, expect, it } from "vitest";
import type { KubernetesObject, PolicyRule } from "../../api/types.ts";
import { createStandardAdmission } from "../../apiserver/admission/standard-admission.ts";
import { type Authorization, createAuthorization } from "../../apiserver/authorization/authorization.ts";
import { createClientAuthoritiesLookup } from "../../machinery/client-authorities.ts";
import { createLeaderElected } from "../../machinery/leader-election.ts";
import {
  CONFIG_MAPS,
  CSI_DRIVERS,
  defineResource,
  EVENTS,
  LEASES,
  NAMESPACES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
} from "../../machinery/resources.ts";
import { testGates } from "../../testing/api-server.ts";
import { startControllers } from "../../testing/controller-host.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { createSELinuxWarningController } from "./selinux-warning.ts";

const USER = {
  name: "system:serviceaccount:orlop-system:orlop-controller-manager",
  groups: ["system:serviceaccounts", "system:serviceaccounts:orlop-system", "system:authenticated"],
  extra: {},
};
const PLURALS: Readonly<Record<string, readonly [string, boolean]>> = {
  ServiceAccount: ["serviceaccounts", true],
  ClusterRole: ["clusterroles", false],
  ClusterRoleBinding: ["clusterrolebindings", false],
  Role: ["roles", true],
  RoleBinding: ["rolebindings", true],
};

async function shipped(): Promise<readonly KubernetesObject[]> {
  const text = await readFile(new URL("../../../deploy/controller-manager/rbac.yaml", import.meta.url), "utf8");
  return [...parseAllDocuments(text)].map((document) => document.toJS() as KubernetesObject);
}

describe("deploy/controller-manager/rbac.yaml", () => {
  it("grants what the controller does, and nothing it never does", async () => {
    const refused: string[] = [];
    const used = new Set<string>();
    let authorization: Authorization | undefined;
    let authorities: string | undefined;
    const objects = await shipped();
    const host = await startControllers(
      (deps) => [
        createLeaderElected(
          deps,
          { namespace: "orlop-system", name: "orlop-controller-manager", identity: "me" },
          createSELinuxWarningController(deps, { publishTo: "orlop-system/selinux-conflicts" }),
        ),
        createClientAuthoritiesLookup({
          ...deps,
          use: (pem) => {
            authorities = pem;
          },
        }),
      ],
      {
        user: USER,
        prepare: async (server) => {
          await authorization?.ensureDefaults(new AbortController().signal);
          const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "orlop-system" } };
          await server.objects.create("namespaces", "", namespace);
          await server.objects.create("configmaps", "kube-system", {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: "extension-apiserver-authentication" },
            data: { "client-ca-file": "the authorities" },
          });
          for (const object of objects) {
            const { apiVersion = "", kind = "", metadata } = object;
            const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
            const [plural = "", namespaced = false] = PLURALS[kind] ?? [];
            const resource = defineResource(group, version, plural, kind, namespaced);
            const name = group === "" ? resource.resource : `${resource.resource}.${group}`;
            await server.objects.create(name, metadata?.namespace ?? "", object);
          }
        },
        parts: (stored) => {
          const own = createAuthorization({
            objects: stored,
            clock: createFakeClock(),
            log: quietLog(),
            gates: testGates(),
            inspectCertificateRequest: async () => {
              throw new Error("nobody requests certificates here");
            },
          });
          authorization = own;
          return {
            authorize: async (attributes, signal) => {
              const decision = await own.authorize(attributes, signal);
              if (attributes.user.name === USER.name && attributes.type === "resource") {
                const what = `${attributes.verb} ${attributes.resource}`;
                used.add(what);
                if (decision.decision !== "allow") refused.push(what);
              }
              return decision;
            },
            virtualResources: own.virtualResources,
            admission: [
              ...createStandardAdmission({ clock: createFakeClock(), random: seededRandom(2) }),
              ...own.admission,
            ],
          };
        },
      },
    );
    const { client, signal } = host;
    try {
      await client.create(NAMESPACES, { metadata: { name: "apps" } }, signal);
      await client.create(CSI_DRIVERS, { metadata: { name: "d" }, spec: { seLinuxMount: true } }, signal);
      const spec = {
        accessModes: ["ReadWriteMany"],
        capacity: { storage: "1Gi" },
        csi: { driver: "d", volumeHandle: "h" },
      };
      await client.create(PERSISTENT_VOLUMES, { metadata: { name: "pv" }, spec }, signal);
      const resources = { requests: { storage: "1Gi" } };
      const claim = { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: "pv", resources };
      await client.create(
        PERSISTENT_VOLUME_CLAIMS,
        { metadata: { namespace: "apps", name: "data" }, spec: claim },
        signal,
      );
      for (const level of ["s0:c1", "s0:c2"]) {
        const pod = {
          metadata: { namespace: "apps", name: level.replace(":", "-") },
          spec: {
            securityContext: { seLinuxOptions: { level } },
            containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }],
            volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
          },
        };
        await host.until(() => client.create(PODS, pod, signal));
      }
      await host.until(async () =>
        expect((await client.list(EVENTS, { namespace: "apps" }, signal)).items).toHaveLength(2),
      );
      const report = { namespace: "orlop-system", name: "selinux-conflicts" };
      await host.until(async () =>
        expect((await client.get(CONFIG_MAPS, report, signal)).data?.["safe"]).toBe("false"),
      );
      await client.delete(PODS, { namespace: "apps", name: "s0-c1" }, signal, { gracePeriodSeconds: 0 });
      await host.until(async () => expect((await client.get(CONFIG_MAPS, report, signal)).data?.["safe"]).toBe("true"));
      expect(
        (await client.get(LEASES, { namespace: "orlop-system", name: "orlop-controller-manager" }, signal)).spec,
      ).toMatchObject({ holderIdentity: "me" });
    } finally {
      await host.stop();
    }
    expect(refused).toEqual([]);
    expect(authorities).toBe("the authorities");
    // By a role that every API server has: extension-apiserver-authentication-reader.
    expect(used.delete("get configmaps")).toBe(true);
    const granted = objects.flatMap(({ rules }) => rightsOf((rules ?? []) as readonly PolicyRule[]));
    // Events are patched when a restart finds them there: selinux-warning.test.ts.
    expect([...used, "patch events"].toSorted().filter((right) => granted.includes(right))).toEqual(
      [...new Set(granted)].toSorted(),
    );
  });
});

function rightsOf(rules: readonly PolicyRule[]): readonly string[] {
  return rules.flatMap(({ verbs, resources = [] }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
}
