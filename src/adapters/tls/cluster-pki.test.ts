import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { certificateFacts } from "./certificate-facts.ts";
import { type ClusterPki, type ClusterPkiOptions, ensureClusterPki } from "./cluster-pki.ts";
import { decodeFirstPem } from "./pem.ts";

const DAY = 24 * 3600 * 1000;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "orlop-pki-"));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

function options(change: Partial<ClusterPkiOptions> = {}): ClusterPkiOptions {
  return {
    directory: join(root, "pki"),
    nodeName: "node-1",
    apiServerNames: ["10.1.2.3"],
    nodeAddresses: ["10.1.2.3", "fd00:0:0::1"],
    serviceAddress: "10.96.0.1",
    now: Date.now(),
    ...change,
  };
}

const facts = (identity: ClusterPki["admin"]) =>
  certificateFacts(decodeFirstPem(identity.certificatePem, "CERTIFICATE"));

describe("ensureClusterPki", () => {
  it("creates every identity with the names Kubernetes gives them", async () => {
    const pki = await ensureClusterPki(options());
    expect(facts(pki.kubelet)).toMatchObject({ commonName: "system:node:node-1", organizations: ["system:nodes"] });
    expect(facts(pki.admin)).toMatchObject({
      commonName: "kubernetes-admin",
      organizations: ["kubeadm:cluster-admins"],
      extendedKeyUsages: ["1.3.6.1.5.5.7.3.2"],
    });
    expect(facts(pki.apiServerKubeletClient).commonName).toBe("kube-apiserver-kubelet-client");
    expect(facts(pki.controllerManager).commonName).toBe("system:kube-controller-manager");
    expect(facts(pki.scheduler).commonName).toBe("system:kube-scheduler");
    expect(facts(pki.apiServer)).toMatchObject({
      dnsNames: [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "node-1",
        "localhost",
      ],
      ipAddresses: ["10.96.0.1", "10.1.2.3", "127.0.0.1", "::1"],
    });
    expect(facts(pki.kubeletServing).ipAddresses).toContain("fd00::1");
  });

  it("keeps everything private to the owner", async () => {
    const { directory } = options();
    await ensureClusterPki(options());
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(directory)) {
      expect((await stat(join(directory, file))).mode & 0o777, file).toBe(0o600);
    }
  });

  it("changes nothing when called again", async () => {
    const first = await ensureClusterPki(options());
    const second = await ensureClusterPki(options());
    expect(second.changed).toEqual([]);
    expect(second.apiServer).toEqual(first.apiServer);
    expect(second.serviceAccountKeys).toEqual(first.serviceAccountKeys);
  });

  it("renews only what carries other names", async () => {
    await ensureClusterPki(options());
    const pki = await ensureClusterPki(options({ apiServerNames: ["10.9.9.9"] }));
    expect(pki.changed).toEqual(["apiserver"]);
    expect(facts(pki.apiServer).ipAddresses).toContain("10.9.9.9");
  });

  it("renews certificates near their end but keeps the authority and the token keys", async () => {
    const first = await ensureClusterPki(options());
    const pki = await ensureClusterPki(options({ now: Date.now() + 360 * DAY }));
    expect([...pki.changed].sort()).toEqual([
      "admin",
      "apiserver",
      "apiserver-kubelet-client",
      "controller-manager",
      "kubelet",
      "kubelet-serving",
      "scheduler",
    ]);
    expect(pki.authorityPem).toBe(first.authorityPem);
    expect(pki.serviceAccountKeys).toEqual(first.serviceAccountKeys);
  });

  it("makes a torn or foreign leaf anew", async () => {
    const { directory } = options();
    await ensureClusterPki(options());
    await writeFile(join(directory, "admin.crt"), "-----BEGIN CERT");
    await writeFile(join(directory, "kubelet.key"), await readFile(join(directory, "scheduler.key")));
    expect((await ensureClusterPki(options())).changed).toEqual(["admin", "kubelet"]);
  });

  it("refuses an authority without its key instead of replacing it", async () => {
    const { directory } = options();
    await ensureClusterPki(options());
    await rm(join(directory, "ca.key"));
    await expect(ensureClusterPki(options())).rejects.toThrow(/its key .*ca\.key is missing/);
  });

  it("serves TLS that a client trusting the authority accepts, with the client certificate arriving", async () => {
    const pki = await ensureClusterPki(options());
    const server = createServer(
      {
        cert: pki.apiServer.certificatePem,
        key: pki.apiServer.privateKeyPem,
        ca: pki.authorityPem,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (socket) => {
        socket.on("error", () => undefined);
        socket.end(new X509Certificate(socket.getPeerCertificate().raw).subject);
      },
    );
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const seen = await new Promise<string>((resolve, reject) => {
      const socket = connect({
        host: "127.0.0.1",
        port: address.port,
        ca: pki.authorityPem,
        cert: pki.admin.certificatePem,
        key: pki.admin.privateKeyPem,
        servername: "kubernetes.default.svc",
      });
      socket.on("error", reject);
      socket.on("data", (data) => {
        resolve(data.toString());
      });
    });
    server.close();
    expect(seen).toBe("O=kubeadm:cluster-admins\nCN=kubernetes-admin");
  });
});
