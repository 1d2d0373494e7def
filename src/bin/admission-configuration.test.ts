import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadAdmissionSettings } from "./admission-configuration.ts";

const HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n";
const POD_SECURITY =
  "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\nexemptions: {namespaces: [kube-system]}\n";

async function files(contents: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orlop-admission-"));
  for (const [name, text] of Object.entries(contents)) await writeFile(join(folder, name), text);
  return join(folder, "admission.yaml");
}

describe("loadAdmissionSettings()", () => {
  it("exempts nobody without a file", async () => {
    expect((await loadAdmissionSettings(undefined)).podSecurity.exemptions.namespaces.size).toBe(0);
  });

  it("reads PodSecurity from the file itself or from one beside it", async () => {
    const inline = await files({
      "admission.yaml": `${HEAD}plugins:\n- name: PodSecurity\n  configuration:\n${POD_SECURITY.replaceAll(/^(?=.)/gm, "    ")}`,
    });
    const beside = await files({
      "admission.yaml": `${HEAD}plugins: [{name: PodSecurity, path: pods.yaml}]`,
      "pods.yaml": POD_SECURITY,
    });
    for (const path of [inline, beside]) {
      expect([...(await loadAdmissionSettings(path)).podSecurity.exemptions.namespaces]).toEqual(["kube-system"]);
    }
  });

  it.each([
    [{}, /admission\.yaml can not be used: ENOENT/],
    [{ "admission.yaml": "kind: Other" }, /admission\.yaml can not be used: apiVersion and kind/],
    [{ "admission.yaml": `${HEAD}plugins: [{name: ImagePolicyWebhook}]` }, /ImagePolicyWebhook can not be configured/],
    [
      { "admission.yaml": `${HEAD}plugins: [{name: PodSecurity, path: gone.yaml}]` },
      /gone\.yaml can not be used: ENOENT/,
    ],
    [
      { "admission.yaml": `${HEAD}plugins: [{name: PodSecurity, configuration: {kind: X}}]` },
      /admission\.yaml \(PodSecurity\) can not be used: apiVersion and kind/,
    ],
  ])("says which file is wrong: %j", async (contents: Record<string, string>, reason) => {
    await expect(loadAdmissionSettings(await files(contents))).rejects.toThrow(reason);
  });
});
