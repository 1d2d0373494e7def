import { readFile, stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SECRETS } from "../../machinery/resources.ts";
import { claimed, startVolumeNode, type VolumeNode } from "../../testing/volume-node.ts";

const SIGNAL = new AbortController().signal;
const iscsi = { targetPortal: "10.0.0.1", iqn: "iqn.2026-01.io.example:disk", lun: 1, fsType: "ext4" };
const folder = "iface-default/10.0.0.1:3260-iqn.2026-01.io.example:disk-lun-1";
const context = (level: string): string => `context="system_u:object_r:container_file_t:s0:${level}"`;
let node: VolumeNode;
const global = (name: string): string => `${node.root}/plugins/kubernetes.io/${name}`;
const optionsAt = (target: string): readonly string[] | undefined =>
  node.mounts.table.find((entry) => entry.target === target)?.superOptions;

beforeEach(async () => {
  node = await startVolumeNode({ seLinux: true, gates: { SELinuxMount: true } });
});
afterEach(async () => {
  await node.stop();
});

const addDisk = (name: string, spec: object): Promise<void> =>
  node.addVolume(name, { spec: { accessModes: ["ReadWriteMany"], csi: undefined, ...spec } as never });

describe("an iSCSI volume", () => {
  it("is mounted once for the node with the label, in upstream's place, and bound into pods", async () => {
    await addDisk("data", { iscsi, mountOptions: ["noatime"] });
    const pod = node.pod("a", [claimed("data")], { level: "s0:c1,c2" });
    await node.prepare(pod);
    expect(node.logins).toEqual([{ iqn: iscsi.iqn, lun: 1, chap: {} }]);
    expect(optionsAt(global(`iscsi/${folder}`))).toEqual(["rw", "noatime", context("c1,c2")]);
    expect(optionsAt(`${node.root}/pods/uid-a/volumes/kubernetes.io~iscsi/data`)).toContain(context("c1,c2"));
    const saved: unknown = JSON.parse(await readFile(`${global(`iscsi/${folder}`)}/iscsi.json`, "utf8"));
    expect(saved).toMatchObject({ Portals: ["10.0.0.1:3260"], Iqn: iscsi.iqn, Lun: "1", Iface: "default" });

    await node.release(pod);
    await node.until("it is unmounted", () => node.mounts.table.length === 0);
    await node.until("it is logged out", () => node.logins.length > 1);
    expect(node.logins.at(-1)).toEqual({ iqn: iscsi.iqn, lun: 1, keepSession: false });
    await node.until("its folder is gone", async () =>
      stat(global(`iscsi/${folder}`)).then(
        () => false,
        () => true,
      ),
    );
  });

  it("logs in with the CHAP secret of its volume, and with nothing else of it", async () => {
    const data = Object.entries({
      "node.session.auth.username": "me",
      "node.session.auth.password": "word",
      other: "x",
    });
    await node.client.create(
      SECRETS,
      {
        metadata: { name: "chap", namespace: "default" },
        data: Object.fromEntries(data.map(([key, value]) => [key, btoa(value)])),
      },
      SIGNAL,
    );
    await addDisk("data", {
      iscsi: { ...iscsi, chapAuthSession: true, secretRef: { name: "chap", namespace: "default" } },
    });
    await node.prepare(node.pod("a", [claimed("data")]));
    expect(node.logins).toEqual([{ iqn: iscsi.iqn, lun: 1, chap: { username: "me", password: "word" } }]);
  });

  it("may stand in the pod itself, with a secret of the pod's namespace", async () => {
    await node.client.create(
      SECRETS,
      {
        metadata: { name: "chap", namespace: "default" },
        data: { "node.session.auth.username": btoa("me") },
      },
      SIGNAL,
    );
    const own = {
      name: "own",
      iscsi: { ...iscsi, readOnly: true, chapAuthSession: true, secretRef: { name: "chap" } },
    };
    const pod = node.pod("a", [own], { level: "s0:c1,c2" });
    await node.prepare(pod);
    expect(node.logins).toEqual([{ iqn: iscsi.iqn, lun: 1, chap: { username: "me" } }]);
    expect(optionsAt(global(`iscsi/${folder}`))).toEqual(["ro", "seclabel"]);
    expect(optionsAt(`${node.root}/pods/uid-a/volumes/kubernetes.io~iscsi/own`)).toBeDefined();
    await node.restart();
    await node.release(pod);
    await node.until("it is logged out", () => node.logins.length > 1);
    expect(node.mounts.table).toEqual([]);
  });

  it("is found after a restart with its label, spelled as the kernel does, and kept from a pod with another", async () => {
    await addDisk("data", { iscsi });
    const [a, b] = [
      node.pod("a", [claimed("data")], { level: "s0:c20,c10" }),
      node.pod("b", [claimed("data")], { level: "s0:c3" }),
    ];
    await node.prepare(a);
    for (const [index, entry] of node.mounts.table.entries()) {
      node.mounts.table[index] = {
        ...entry,
        superOptions: entry.superOptions.map((option) => option.replace("c20,c10", "c10,c20")),
      };
    }
    await node.restart();
    await expect(node.prepare(b)).rejects.toThrow("waiting for unmount of volume");
    await node.prepare(a);
    await expect(node.prepare(b)).rejects.toThrow("conflicting SELinux labels");
    await node.release(a);
    await node.until("the second starts", async () =>
      node.prepare(b).then(
        () => true,
        () => false,
      ),
    );
    expect(optionsAt(global(`iscsi/${folder}`))).toContain(context("c3"));
  });
});

describe("a Fibre Channel volume", () => {
  it("is mounted with the label in upstream's place and taken down again", async () => {
    await addDisk("data", { fc: { targetWWNs: ["50060e801049cfd1"], lun: 0, fsType: "xfs" } });
    const pod = node.pod("a", [claimed("data")], { level: "s0:c1" });
    await node.prepare(pod);
    expect(optionsAt(global("fc/50060e801049cfd1-lun-0"))).toEqual(["rw", context("c1")]);
    await node.release(pod);
    await node.until("it is unmounted", () => node.mounts.table.length === 0);
  });

  it("may stand in the pod itself", async () => {
    const pod = node.pod("a", [{ name: "own", fc: { wwids: ["3600 508b"], fsType: "ext4" } }]);
    await node.prepare(pod);
    expect(optionsAt(global("fc/3600_508b"))).toEqual(["rw", "seclabel"]);
    await node.release(pod);
    await node.until("it is unmounted", () => node.mounts.table.length === 0);
  });
});
