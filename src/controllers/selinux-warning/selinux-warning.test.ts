import { describe, expect, it } from "vitest";
import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import { StatusError } from "../../api/status-error.ts";
import {
  CONFIG_MAPS,
  CSI_DRIVERS,
  EVENTS,
  NAMESPACES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
} from "../../machinery/resources.ts";
import { type ControllerHost, type ControllerHostOptions, startControllers } from "../../testing/controller-host.ts";
import type { ConflictReport } from "../../core/selinux-report/report.ts";
import { type ConflictView, createSELinuxWarningController, type SELinuxWarningOptions } from "./selinux-warning.ts";

const PROCESS = { user: "system_u", role: "system_r", type: "container_t", level: "s0" };
const FILE = { user: "system_u", role: "object_r", type: "container_file_t", level: "s0" };
const DEFAULTS = { process: PROCESS, file: FILE };

interface Setting extends ControllerHost {
  readonly view: ConflictView;
}

async function start(host: ControllerHostOptions = {}, options: SELinuxWarningOptions = {}): Promise<Setting> {
  let view: ConflictView | undefined;
  const running = await startControllers((deps) => {
    const controller = createSELinuxWarningController(deps, options);
    view = controller.view;
    return [controller];
  }, host);
  if (view === undefined) throw new Error("the controller was not made");
  return { ...running, view };
}

const driver = (seLinuxMount: boolean): CSIDriver => ({
  metadata: { name: "d.example.com" },
  spec: { seLinuxMount, attachRequired: false },
});

function volume(namespace: string, claim: string, handle = claim): PersistentVolume {
  return {
    metadata: { name: `pv-${namespace}-${claim}` },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteMany"],
      claimRef: { namespace, name: claim },
      csi: { driver: "d.example.com", volumeHandle: handle },
    },
  };
}

const claim = (namespace: string, name: string): PersistentVolumeClaim => ({
  metadata: { namespace, name },
  spec: {
    accessModes: ["ReadWriteMany"],
    storageClassName: "",
    volumeName: `pv-${namespace}-${name}`,
    resources: { requests: { storage: "1Gi" } },
  },
});

function pod(name: string, level: string | undefined, claimName = "data", namespace = "default"): Pod {
  return {
    metadata: { namespace, name },
    spec: {
      ...(level !== undefined && { securityContext: { seLinuxOptions: { level } } }),
      containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName } }],
    },
  };
}

async function addVolume({ client, signal }: ControllerHost, namespace = "default", name = "data", handle = name) {
  await client.create(PERSISTENT_VOLUMES, volume(namespace, name, handle), signal);
  await client.create(PERSISTENT_VOLUME_CLAIMS, claim(namespace, name), signal);
}

async function addPods({ client, signal }: ControllerHost, ...pods: readonly Pod[]): Promise<void> {
  for (const one of pods) await client.create(PODS, one, signal);
}

const eventsOf = async ({ client, signal }: ControllerHost, namespace = "default") =>
  (await client.list(EVENTS, { namespace }, signal)).items;
const reportOf = ({ view }: Setting): ConflictReport => JSON.parse([...view.reportText()].join("")) as ConflictReport;
const metrics = ({ view }: Setting, limit?: number): string => [...view.metrics(limit)].join("");
const series = (setting: Setting, limit?: number): readonly string[] =>
  metrics(setting, limit)
    .split("\n")
    .filter((line) => line.startsWith("selinux_warning_controller_selinux_volume_conflict{"));

async function withSetting(
  work: (setting: Setting) => Promise<void>,
  host: ControllerHostOptions = {},
  options: SELinuxWarningOptions = {},
): Promise<void> {
  const setting = await start(host, options);
  try {
    await work(setting);
  } finally {
    await setting.stop();
  }
}

describe("the SELinux warning controller", () => {
  it("tells both pods and the metric, with the announcement's words, until one of them is gone", async () => {
    await withSetting(
      async (setting) => {
        const { client, signal } = setting;
        await client.create(CSI_DRIVERS, driver(true), signal);
        await addVolume(setting);
        await addPods(setting, pod("my-pod", "s0:c98,c99"), pod("my-other-pod", "s0:c0,c1"));
        await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(2));
        const event = (await eventsOf(setting)).find(({ involvedObject }) => involvedObject.name === "my-pod");
        expect(event).toMatchObject({
          type: "Normal",
          reason: "SELinuxLabelConflict",
          source: { component: "selinux_warning" },
          message:
            'SELinuxLabel "system_u:system_r:container_t:s0:c98,c99" conflicts with pod my-other-pod that uses the same volume as this pod with SELinuxLabel "system_u:system_r:container_t:s0:c0,c1". If both pods land on the same node, only one of them may access the volume.',
        });
        expect(series(setting)).toContain(
          'selinux_warning_controller_selinux_volume_conflict{pod1_name="my-other-pod",pod1_namespace="default",pod1_value="system_u:object_r:container_file_t:s0:c0,c1",pod2_name="my-pod",pod2_namespace="default",pod2_value="system_u:object_r:container_file_t:s0:c98,c99",property="SELinuxLabel"} 1',
        );
        expect(metrics(setting)).toContain(
          'volume_conflicting_pods{driver="d.example.com",namespace="default",persistentvolume="pv-default-data",persistentvolumeclaim="data",volume="kubernetes.io/csi/d.example.com^data"} 2\n',
        );
        await client.delete(PODS, { namespace: "default", name: "my-pod" }, signal, { gracePeriodSeconds: 0 });
        await setting.until(() => expect(series(setting)).toEqual([]));
      },
      {},
      { defaults: DEFAULTS },
    );
  });

  it("does not tell one namespace of pods in another, and reports policies", async () => {
    await withSetting(async (setting) => {
      const { client, signal } = setting;
      await client.create(CSI_DRIVERS, driver(true), signal);
      await client.create(NAMESPACES, { metadata: { name: "other" } }, signal);
      await addVolume(setting);
      await addVolume(setting, "other", "data", "data");
      await addPods(setting, pod("one", "s0:c1"), pod("secret", undefined, "data", "other"));
      await setting.until(async () => expect(await eventsOf(setting, "other")).toHaveLength(2));
      const messages = (await eventsOf(setting)).map(({ message }) => message);
      expect(messages).toContain(
        'SELinuxChangePolicy "MountOption" conflicts with another pod that uses the same volume as this pod with a different SELinuxChangePolicy. If both pods land on the same node, only one of them may access the volume.',
      );
      expect(messages.join()).not.toContain("secret");
      expect(series(setting)).toHaveLength(4);
    });
  });

  it("tells every pod of a large conflict, in one event each", async () => {
    await withSetting(async (setting) => {
      await setting.client.create(CSI_DRIVERS, driver(true), setting.signal);
      await addVolume(setting);
      const names = Array.from({ length: 30 }, (_, number) => pod(`p-${number}`, `s0:c${number % 2}`));
      await addPods(setting, ...names);
      await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(30));
      for (const { message } of await eventsOf(setting)) expect(message).toMatch(/ The same holds for 14 more pods\.$/);
      expect(series(setting)).toHaveLength(15 * 15 * 2);
      expect(series(setting, 10)).toHaveLength(10);
      expect(metrics(setting, 10)).toContain('conflicts{property="SELinuxLabel"} 225\n');
      expect(new Set(series(setting)).size).toBe(15 * 15 * 2);
    });
  });

  it("renews its events after a restart instead of adding to them", async () => {
    await withSetting(async (setting) => {
      const { client, signal } = setting;
      await client.create(CSI_DRIVERS, driver(true), signal);
      await addVolume(setting);
      await addPods(setting, pod("one", "s0:c1"), pod("two", "s0:c2"));
      await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(2));
      const [before] = await eventsOf(setting);
      const again = new AbortController();
      const controller = createSELinuxWarningController({
        client,
        clock: setting.clock,
        random: { bytes: () => new Uint8Array(8), uuid: () => "", fraction: () => 0 },
        log: { debug() {}, info() {}, warn() {}, error() {}, with: () => ({}) as never },
        informers: {} as never,
        events: {} as never,
        digest: () => "",
      });
      const running = controller.run(again.signal, () => undefined);
      await setting.until(async () => {
        const [now] = await eventsOf(setting);
        expect(now?.lastTimestamp).not.toBe(before?.lastTimestamp);
      });
      expect(await eventsOf(setting)).toHaveLength(2);
      again.abort();
      await running;
    });
  });

  it("keeps its report in a ConfigMap: a new verdict within seconds, and again when somebody deleted it", async () => {
    await withSetting(
      async (setting) => {
        const { client, clock, signal } = setting;
        const key = { namespace: "default", name: "report" };
        const published = async () => (await client.get(CONFIG_MAPS, key, signal).catch(() => undefined))?.data ?? {};
        await setting.until(async () => expect(await published()).toMatchObject({ safe: "true", complete: "true" }));
        await client.create(CSI_DRIVERS, driver(true), signal);
        await addVolume(setting);
        await addPods(setting, pod("one", "s0:c1"), pod("two", "s0:c2"));
        await clock.advance(5_000);
        expect(await published()).toMatchObject({ safe: "false", conflictsPresent: "true" });
        await client.delete(PODS, { namespace: "default", name: "one" }, signal, { gracePeriodSeconds: 0 });
        await clock.advance(5_000);
        expect(await published()).toMatchObject({ safe: "true", conflictsPresent: "false" });
        await client.delete(CONFIG_MAPS, key, signal);
        await clock.advance(20 * 60_000);
        expect(await published()).toMatchObject({ safe: "true", conflictsPresent: "false" });
      },
      {},
      { publishTo: "default/report" },
    );
  });

  it("follows finished pods, pods made again, late volumes and drivers that change their mind", async () => {
    await withSetting(async (setting) => {
      const { client, signal } = setting;
      await client.create(CSI_DRIVERS, driver(false), signal);
      await addPods(setting, pod("one", "s0:c1"), pod("two", "s0:c2"));
      await setting.clock.advance(5_000);
      await client.create(PERSISTENT_VOLUME_CLAIMS, claim("default", "data"), signal);
      await client.create(PERSISTENT_VOLUMES, volume("default", "data"), signal);
      await setting.clock.advance(5_000);
      expect(series(setting)).toEqual([]);

      const flip = (value: boolean) =>
        client.patch(
          CSI_DRIVERS,
          { name: "d.example.com" },
          { type: "merge", value: { spec: { seLinuxMount: value } } },
          signal,
        );
      await flip(true);
      await setting.until(() => expect(series(setting)).toHaveLength(2));
      await flip(false);
      await setting.until(() => expect(series(setting)).toEqual([]));
      await flip(true);
      await setting.until(() => expect(series(setting)).toHaveLength(2));

      const key = { namespace: "default", name: "two" };
      await client.delete(PODS, key, signal, { gracePeriodSeconds: 0 });
      await client.create(PODS, pod("two", "s0:c1"), signal);
      await setting.until(() => expect(series(setting)).toEqual([]));
      await client.delete(PODS, key, signal, { gracePeriodSeconds: 0 });
      await client.create(PODS, pod("two", "s0:c3"), signal);
      await setting.until(() => expect(series(setting)).toHaveLength(2));
      const value = { status: { phase: "Succeeded" } };
      await client.patch(PODS, key, { type: "merge", value }, signal, { subresource: "status" });
      await setting.until(() => expect(series(setting)).toEqual([]));
    });
  });

  it("says so where nobody can tell what kubelets will do", async () => {
    await withSetting(async (setting) => {
      const { client, signal } = setting;
      await client.create(CSI_DRIVERS, driver(true), signal);
      const plain = volume("default", "data");
      const mountOptions = ["ro", 'context="system_u:object_r:nfs_t:s0"'];
      await client.create(PERSISTENT_VOLUMES, { ...plain, spec: { ...plain.spec, mountOptions } }, signal);
      await client.create(PERSISTENT_VOLUME_CLAIMS, claim("default", "data"), signal);
      await addPods(setting, pod("one", "s0:c1"));
      await setting.until(() => expect(metrics(setting)).toContain("selinux_warning_controller_uncertain_volumes 1\n"));
      expect(reportOf(setting)).toMatchObject({
        volumes: [],
        uncertainVolumes: [{ because: "context-option", claims: ["default/data"], workloads: ["default/Pod/one"] }],
        gate: { safe: false },
      });
    });
  });

  it("warns a pod whose containers need different labels", async () => {
    await withSetting(async (setting) => {
      const { client, signal } = setting;
      await client.create(CSI_DRIVERS, driver(true), signal);
      await addVolume(setting);
      const mounts = [{ name: "v", mountPath: "/v" }];
      const inner = (name: string, level: string) => ({
        name,
        image: "i",
        volumeMounts: mounts,
        securityContext: { seLinuxOptions: { level } },
      });
      const { metadata, spec } = pod("torn", undefined);
      const containers = [inner("a", "s0:c1"), inner("b", "s0:c2")];
      await addPods(setting, { ...(metadata && { metadata }), spec: { ...spec, containers } });
      await setting.until(async () =>
        expect(await eventsOf(setting)).toMatchObject([
          {
            type: "Warning",
            reason: "MultipleSELinuxLabels",
            message: 'Volume "v" is mounted twice with different SELinux labels inside this pod',
          },
        ]),
      );
      expect(reportOf(setting).gate.safe).toBe(false);
    });
  });

  it("says which right is missing and goes on with the rest", async () => {
    await withSetting(
      async (setting) => {
        await addPods(setting, pod("one", "s0:c1"));
        await setting.clock.advance(2_000);
        expect(setting.view.problems()).toMatchObject([
          {
            resource: "persistentvolumes",
            text: expect.stringContaining("the right to list and watch persistentvolumes is missing"),
          },
        ]);
        expect(metrics(setting)).toContain("selinux_warning_controller_complete 0\n");
        expect(metrics(setting)).toContain('unreadable_resource{resource="persistentvolumes"} 1\n');
        expect(reportOf(setting)).toMatchObject({ complete: false, gate: { safe: false } });
      },
      {
        user: { name: "limited", groups: [], extra: {} },
        parts: () => ({
          authorize: async (attributes) =>
            attributes.user.name === "limited" &&
            "resource" in attributes &&
            attributes.resource === "persistentvolumes"
              ? { decision: "no-opinion", reason: "" }
              : { decision: "allow", reason: "" },
        }),
      },
    );
  });

  it("keeps what it knows while the server is away", async () => {
    let away = false;
    await withSetting(
      async (setting) => {
        const { client, signal } = setting;
        await client.create(CSI_DRIVERS, driver(true), signal);
        await addVolume(setting);
        await addPods(setting, pod("one", "s0:c1"), pod("two", "s0:c2"));
        await setting.until(() => expect(series(setting)).toHaveLength(2));
        away = true;
        await setting.clock.advance(900_000);
        expect(series(setting)).toHaveLength(2);
        away = false;
        await setting.clock.advance(60_000);
        await client.delete(PODS, { namespace: "default", name: "one" }, signal, { gracePeriodSeconds: 0 });
        await setting.until(() => expect(series(setting)).toEqual([]));
        await setting.until(() => expect(setting.view.problems()).toEqual([]));
      },
      {
        user: { name: "controller", groups: [], extra: {} },
        parts: () => ({
          authorize: async ({ user }) => {
            if (away && user.name === "controller") {
              throw new StatusError({ status: "Failure", code: 500, reason: "InternalError", message: "away" });
            }
            return { decision: "allow", reason: "" };
          },
        }),
      },
    );
  });
});
