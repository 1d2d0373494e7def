import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../testing/api-calls.ts";
import type { Answer } from "../../testing/api-calls.ts";
import { startTestApiServer } from "../../testing/api-server.ts";
import type { TestApiServer } from "../../testing/api-server.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";

const PODS = "/api/v1/namespaces/default/pods";
const POD = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "busybox" }] } };

let api: TestApiServer;
beforeEach(async () => {
  api = await startTestApiServer();
});
afterEach(() => api.stop());

const post = (path: string, body: object): Promise<Answer> => call(api.connect(), "POST", path, { body });
const podWith = (spec: object, metadata: object = {}): object => ({
  metadata: { ...POD.metadata, ...metadata },
  spec: { ...POD.spec, ...spec },
});

describe("ServiceAccount", () => {
  it("gives a pod the default account and its token as a volume", async () => {
    const { body } = await post(PODS, {
      ...POD,
      spec: { ...POD.spec, initContainers: [{ name: "i", image: "busybox" }] },
    });
    expect(body.spec.serviceAccountName).toBe("default");
    expect(body.spec.serviceAccount).toBe("default");
    const [volume] = body.spec.volumes;
    expect(volume.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume.projected).toEqual({
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    });
    for (const container of [...body.spec.containers, ...body.spec.initContainers]) {
      expect(container.volumeMounts).toEqual([
        { name: volume.name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
      ]);
    }
  });

  it("mounts no token where the pod, its account or an own mount says so", async () => {
    const refused = await post(PODS, podWith({ automountServiceAccountToken: false }, { name: "a" }));
    expect(refused.body.spec.volumes).toBeUndefined();
    await post("/api/v1/namespaces/default/serviceaccounts", {
      metadata: { name: "quiet" },
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: "registry" }],
    });
    const quiet = await post(PODS, podWith({ serviceAccountName: "quiet" }, { name: "b" }));
    expect(quiet.body.spec.volumes).toBeUndefined();
    expect(quiet.body.spec.imagePullSecrets).toEqual([{ name: "registry" }]);
    const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    const own = await post(
      PODS,
      podWith(
        {
          containers: [{ name: "c", image: "busybox", volumeMounts: [{ name: "mine", mountPath }] }],
          volumes: [{ name: "mine", emptyDir: {} }],
        },
        { name: "c" },
      ),
    );
    expect(own.body.spec.volumes).toEqual([{ name: "mine", emptyDir: {} }]);
  });

  it("refuses accounts that are not there", async () => {
    const { status, body } = await post(PODS, podWith({ serviceAccountName: "nobody" }));
    expect(status).toBe(403);
    expect(body.message).toBe(
      'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
    );
  });

  it("waits a moment for the default account of a new namespace", async () => {
    const clock = createFakeClock();
    const late = await startTestApiServer({ clock, defaultAccounts: false });
    try {
      const transport = late.connect();
      const created = call(transport, "POST", PODS, { body: POD });
      await clock.untilSleepers(3);
      await call(transport, "POST", "/api/v1/namespaces/default/serviceaccounts", {
        body: { metadata: { name: "default" } },
      });
      expect((await created).status).toBe(201);

      await call(transport, "POST", "/api/v1/namespaces", { body: { metadata: { name: "n" } } });
      const never = call(transport, "POST", "/api/v1/namespaces/n/pods", { body: POD });
      await clock.advance(2_000);
      expect((await never).status).toBe(403);
    } finally {
      await late.stop();
    }
  });

  it("keeps credentials away from mirror pods", async () => {
    const annotations = { "kubernetes.io/config.mirror": "hash" };
    const plain = await post(PODS, podWith({ nodeName: "n" }, { annotations, name: "a" }));
    expect(plain.body.spec?.volumes).toBeUndefined();
    const secret = await post(
      PODS,
      podWith({ nodeName: "n", volumes: [{ name: "s", secret: { secretName: "x" } }] }, { annotations }),
    );
    expect(secret.body.message).toContain("a mirror pod may not reference secrets");
  });

  it("keeps pods to the secrets of their account when that is asked for", async () => {
    await post("/api/v1/namespaces/default/serviceaccounts", {
      metadata: { name: "strict", annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
      secrets: [{ name: "known" }],
    });
    const volumes = [{ name: "s", secret: { secretName: "other" } }];
    const { body } = await post(PODS, podWith({ serviceAccountName: "strict", volumes }));
    expect(body.message).toContain(
      'volume with secret.secretName="other" is not allowed because service account strict does not reference that secret',
    );
  });
});

describe("Priority", () => {
  it("resolves the class, the default one when none is named", async () => {
    const critical = await post(PODS, podWith({ priorityClassName: "system-node-critical" }, { name: "a" }));
    expect(critical.body.spec).toMatchObject({ priority: 2_000_001_000, preemptionPolicy: "PreemptLowerPriority" });
    const none = await post(PODS, podWith({}, { name: "b" }));
    expect(none.body.spec).toMatchObject({ priority: 0, preemptionPolicy: "PreemptLowerPriority" });
    const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    await post(classes, { metadata: { name: "usual" }, value: 7, globalDefault: true });
    const usual = await post(PODS, podWith({}, { name: "c" }));
    expect(usual.body.spec).toMatchObject({ priority: 7, priorityClassName: "usual" });
    const second = await post(classes, { metadata: { name: "other" }, value: 8, globalDefault: true });
    expect(second.body.message).toContain(
      "PriorityClass usual is already marked as default. Only one default can exist",
    );
  });

  it("refuses numbers of one's own and classes that are not there", async () => {
    const number = await post(PODS, podWith({ priority: 5 }));
    expect(number.status).toBe(403);
    expect(number.body.message).toContain("the integer value of priority (5) must not be provided in pod spec");
    const unknown = await post(PODS, podWith({ priorityClassName: "nope" }));
    expect(unknown.body.message).toBe('pods "p" is forbidden: no PriorityClass with name nope was found');
  });
});

describe("other plugins", () => {
  it("let pods stay five minutes on a node in trouble", async () => {
    const { body } = await post(PODS, POD);
    expect(body.spec.tolerations).toEqual([
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ]);
    const all = await post(PODS, podWith({ tolerations: [{ operator: "Exists" }] }, { name: "b" }));
    expect(all.body.spec.tolerations).toEqual([{ operator: "Exists" }]);
  });

  it("taint new nodes", async () => {
    const { body } = await post("/api/v1/nodes", { metadata: { name: "n" } });
    expect(body.spec.taints).toEqual([{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  });

  it("protect volumes in use and choose the newest default class", async () => {
    const classes = "/apis/storage.k8s.io/v1/storageclasses";
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    for (const name of ["b", "a"]) {
      await post(classes, { metadata: { name, annotations }, provisioner: "example.com/p" });
    }
    const claim = {
      metadata: { name: "c" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    const { body } = await post("/api/v1/namespaces/default/persistentvolumeclaims", claim);
    expect(body.metadata.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
    expect(body.spec.storageClassName).toBe("a");
  });

  it("take overhead and placement from the runtime class", async () => {
    await post("/apis/node.k8s.io/v1/runtimeclasses", {
      metadata: { name: "vm" },
      handler: "kata",
      overhead: { podFixed: { memory: "100Mi" } },
      scheduling: { nodeSelector: { vm: "yes" }, tolerations: [{ key: "vm", operator: "Exists" }] },
    });
    const { body } = await post(PODS, podWith({ runtimeClassName: "vm", nodeSelector: { zone: "a" } }));
    expect(body.spec).toMatchObject({ overhead: { memory: "100Mi" }, nodeSelector: { vm: "yes", zone: "a" } });
    expect(body.spec.tolerations).toContainEqual({ key: "vm", operator: "Exists" });
    const other = await post(PODS, podWith({ runtimeClassName: "nope" }, { name: "b" }));
    expect(other.body.message).toBe('pods "b" is forbidden: pod rejected: RuntimeClass "nope" not found');
    const own = await post(PODS, podWith({ overhead: { memory: "1Mi" } }, { name: "c" }));
    expect(own.status).toBe(403);
  });
});
