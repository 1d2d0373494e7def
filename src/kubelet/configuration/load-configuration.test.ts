import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFiles } from "../../adapters/files/files.ts";
import { loadKubeletConfiguration } from "./load-configuration.ts";

const HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
let folder = "";
const write = (name: string, text: string) => writeFile(join(folder, name), HEAD + text);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-config-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("loadKubeletConfiguration()", () => {
  it("merges drop-ins in order over the file, and flags over all", async () => {
    await write(
      "kubelet.yaml",
      "maxPods: 10\nclusterDNS: [10.0.0.1]\nevictionHard: {memory.available: 1Gi, nodefs.available: 5%}\n",
    );
    await mkdir(join(folder, "conf.d/20-more"), { recursive: true });
    await write("conf.d/10-a.conf", "maxPods: 20\nclusterDNS: [10.0.0.2]\n");
    await write("conf.d/20-more/b.conf", "maxPods: 30\nevictionHard: {memory.available: 2Gi}\n");
    await write("conf.d/ignored.yaml", "maxPods: 99\n");
    const configuration = await loadKubeletConfiguration(createFiles(), {
      file: join(folder, "kubelet.yaml"),
      directory: join(folder, "conf.d"),
      flags: { port: 12_345 },
    });
    expect(configuration).toMatchObject({
      maxPods: 30,
      port: 12_345,
      clusterDNS: ["10.0.0.2"],
      evictionHard: { "memory.available": "2Gi", "nodefs.available": "5%" },
    });
  });

  it("takes drop-ins for changes of what is in force, as upstream", async () => {
    await write("kubelet.yaml", "featureGates: {A: true}\nresolvConf: /x\n");
    await mkdir(join(folder, "conf.d"));
    await write("conf.d/10.conf", "evictionHard: {memory.available: 2Gi}\nfeatureGates: {B: false}\n");
    await write("conf.d/20.conf", "resolvConf: null\nnodeStatusUpdateFrequency: 3s\n");
    const configuration = await loadKubeletConfiguration(createFiles(), {
      file: join(folder, "kubelet.yaml"),
      directory: join(folder, "conf.d"),
      flags: { featureGates: { C: true } },
    });
    expect(configuration).toMatchObject({
      // The default thresholds of the other signals stay.
      evictionHard: { "memory.available": "2Gi", "nodefs.available": "10%" },
      featureGates: { A: true, B: false, C: true },
      resolvConf: "/etc/resolv.conf",
      // The default that followed from another field was settled before.
      nodeStatusUpdateFrequency: 3_000,
      nodeStatusReportFrequency: 300_000,
    });
  });

  it("names the drop-in with the unknown field", async () => {
    await mkdir(join(folder, "conf.d"));
    await write("conf.d/10.conf", "maxPods: 5\n");
    await write("conf.d/20.conf", "authentication: {webhook: {enable: true}}\n");
    await expect(loadKubeletConfiguration(createFiles(), { directory: join(folder, "conf.d") })).rejects.toThrow(
      /20\.conf is invalid: unknown field "authentication\.webhook\.enable"/,
    );
  });

  it("starts from safe defaults without a file", async () => {
    expect((await loadKubeletConfiguration(createFiles(), {})).authorization.mode).toBe("Webhook");
  });

  it("names the file that is wrong", async () => {
    await write("bad.yaml", "maxPod: 1\n");
    await expect(loadKubeletConfiguration(createFiles(), { file: join(folder, "bad.yaml") })).rejects.toThrow(
      /bad\.yaml is invalid: unknown field "maxPod"/,
    );
    await expect(loadKubeletConfiguration(createFiles(), { file: join(folder, "none.yaml") })).rejects.toThrow(
      /cannot read .*none\.yaml/,
    );
    await mkdir(join(folder, "d"));
    await writeFile(join(folder, "d/x.conf"), "maxPods: 1\n");
    await expect(loadKubeletConfiguration(createFiles(), { directory: join(folder, "d") })).rejects.toThrow(
      /x\.conf is invalid: apiVersion and kind/,
    );
  });
});
