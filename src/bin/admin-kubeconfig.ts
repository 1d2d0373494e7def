import { stringify } from "yaml";
import { replaceFile } from "../adapters/files/replace-file.ts";

export interface AdminKubeconfig {
  /** e.g. "https://10.0.0.7:6443" */
  readonly server: string;
  readonly authorityPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Writes a kubeconfig that only its owner may read; a reader sees the old file or the new one, whole. */
export async function writeAdminKubeconfig(path: string, config: AdminKubeconfig): Promise<void> {
  const encode = (pem: string): string => Buffer.from(pem).toString("base64");
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "orlop", cluster: { server: config.server, "certificate-authority-data": encode(config.authorityPem) } },
    ],
    users: [
      {
        name: "kubernetes-admin",
        user: {
          "client-certificate-data": encode(config.certificatePem),
          "client-key-data": encode(config.privateKeyPem),
        },
      },
    ],
    contexts: [{ name: "orlop", context: { cluster: "orlop", user: "kubernetes-admin" } }],
    "current-context": "orlop",
  });
  await replaceFile(path, text, { mode: 0o600 });
}
