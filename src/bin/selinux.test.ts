import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import type {
  FailOn,
  SELinuxConflictsOptions,
  SELinuxGateOptions,
  SELinuxOptOutOptions,
} from "../cli/selinux/options.ts";
import { selinuxConflicts, selinuxGate, selinuxOptOut } from "./selinux.ts";

const EXAMPLE = fileURLToPath(new URL("../../docs/examples/selinux-conflict.yaml", import.meta.url));

const workload = (kind: string, name: string, level: string, more = ""): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name}, namespace: shop }
spec:
  template:
    spec:
      securityContext: { seLinuxOptions: { level: "${level}" }${more} }
      containers: [{ name: c, image: i, volumeMounts: [{ name: v, mountPath: /v }] }]
      volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }]
---`;

describe("orlop selinux on manifests", () => {
  let directory = "";
  let out = "";
  let errors = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "orlop-selinux-"));
    out = "";
    errors = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text, ...rest: unknown[]) => {
      // As a pipe that takes its time.
      setImmediate(() => {
        out += String(text);
        for (const done of rest) if (typeof done === "function") done();
      });
      return false;
    });
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      errors += String(text);
      return true;
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(directory, { recursive: true });
  });

  const file = async (text: string): Promise<string> => {
    const path = join(directory, `${Math.abs(text.length)}.yaml`);
    await writeFile(path, text);
    return path;
  };
  const source = (filename: readonly string[]) => ({ filename, logLevel: "error" as const });
  const conflicts = (filename: readonly string[], options: Partial<SELinuxConflictsOptions> = {}): Promise<number> =>
    selinuxConflicts({
      ...source(filename),
      output: "table",
      failOn: "none",
      insecureSkipTlsVerify: false,
      ...options,
    });
  const gate = (filename: readonly string[], output: SELinuxGateOptions["output"] = "text"): Promise<number> =>
    selinuxGate({ ...source(filename), output });
  const optOut = (filename: readonly string[], options: Partial<SELinuxOptOutOptions> = {}): Promise<number> =>
    selinuxOptOut({ ...source(filename), form: "strategic", dryRun: false, apply: false, ...options });

  it("lists the example of the documentation", async () => {
    expect(await conflicts([EXAMPLE])).toBe(0);
    expect(out).toBe(
      `CLAIM           FROM           WORKLOAD              PODS   POLICY        LABEL
shop/pictures   SELinuxMount   shop/Pod/thumbnails   1      MountOption   :::s0:c0,c1
                               shop/Pod/web          1      MountOption   :::s0:c98,c99

2 pods in conflict on 1 volume (1 pair by label, 0 by policy); 2 pods on 1 volume looked at. Safe to turn SELinuxMount on: no
`,
    );
    out = "";
    await conflicts([EXAMPLE], { output: "wide", selinuxProcessLabel: "system_u:system_r:container_t:s0" });
    expect(out).toContain("system_u:system_r:container_t:s0:c98,c99");
    expect(out).toContain("kubernetes.io/csi/files.example.com^share-1");
    expect(out).toContain("shop/pictures: give them one level");
    out = "";
    await conflicts([EXAMPLE], { output: "json" });
    expect(JSON.parse(out)).toMatchObject({ kind: "SELinuxConflictReport", complete: true, gate: { safe: false } });
    out = "";
    await conflicts([EXAMPLE], { output: "yaml", namespace: "elsewhere" });
    expect(parseAllDocuments(out)[0]?.toJS()).toMatchObject({ volumes: [], gate: { safe: true } });
  });

  it.each<readonly [FailOn, string, number]>([
    ["none", "ReadWriteMany", 0],
    ["now", "ReadWriteMany", 0],
    ["any", "ReadWriteMany", 1],
    ["unsafe", "ReadWriteMany", 1],
    ["now", "ReadWriteOncePod", 1],
    ["any", "ReadWriteOncePod", 1],
    ["unsafe", "ReadWriteOncePod", 0],
  ])("fails on %s for %s volumes with code %d", async (failOn, accessMode, code) => {
    const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: shop }
spec: { accessModes: [${accessMode}] }
---`;
    const path = await file(claim + workload("Deployment", "a", "s0:c1") + workload("Deployment", "b", "s0:c2"));
    expect(await conflicts([path], { failOn })).toBe(code);
  });

  it("says what it took for granted", async () => {
    await conflicts([await file(workload("Deployment", "a", "s0:c1"))]);
    expect(errors).toContain("claim shop/data is not in the manifests: assumed to stand for one volume");
    expect(errors).toContain("assumed to have seLinuxMount: true");
  });

  it("opens the gate only for a cluster without conflicts", async () => {
    expect(await gate([EXAMPLE])).toBe(1);
    expect(out).toBe("safe to turn SELinuxMount on: no\n- 1 volume would be used by 2 pods that exclude each other\n");
    out = "";
    expect(await gate([EXAMPLE], "configmap")).toBe(1);
    expect(parseAllDocuments(out)[0]?.toJS()).toMatchObject({
      kind: "ConfigMap",
      data: { safe: "false", conflictsPresent: "true", complete: "true" },
    });
    out = "";
    await gate([EXAMPLE], "event");
    expect(parseAllDocuments(out)[0]?.toJS()).toMatchObject({
      kind: "Event",
      type: "Warning",
      reason: "SELinuxMountUnsafe",
    });
    out = "";
    expect(await gate([await file(workload("Deployment", "a", "s0:c1"))])).toBe(0);
    expect(out).toContain("safe to turn SELinuxMount on: yes\n");
  });

  it("writes opt-outs of all sides, in every form, and names what a policy will not reach", async () => {
    const path = await file(
      workload("Deployment", "a", "s0:c1") +
        workload("StatefulSet", "b", "s0:c2", ", seLinuxChangePolicy: MountOption"),
    );
    expect(await optOut([path])).toBe(0);
    const patches = parseAllDocuments(out).map((document) => document.toJS() as unknown);
    expect(patches.filter((patch) => patch !== null)).toMatchObject([
      { kind: "Deployment", metadata: { name: "a" } },
      { kind: "StatefulSet", metadata: { name: "b" } },
    ]);
    for (const form of ["kustomize", "policy", "kyverno", "gatekeeper"] as const) {
      out = "";
      await optOut([path], { form });
      expect(parseAllDocuments(out).flatMap((document) => document.errors)).toEqual([]);
      expect(out).toContain("Recursive");
      if (form !== "kustomize") expect(out).toContain("# shop/StatefulSet/b sets MountOption itself");
    }
  });

  it.each<readonly [string, string, string]>([
    ["that are not YAML", "a: [", "are not YAML"],
    ["that are empty", "\n", "there are no objects in"],
    ["without sense", "kind: Pod\nspec: { volumes: {} }\n", "makes no sense: spec.volumes is not a list of objects"],
  ])("refuses manifests %s", async (_, text, message) => {
    const path = await file(text);
    await expect(conflicts([path])).rejects.toThrow(message);
  });

  it("takes nothing it may not see for settled", async () => {
    const server = createServer(({ url = "" }, response) => {
      const isDenied = url.startsWith("/api/v1/pods?");
      response.writeHead(isDenied ? 403 : 200, { "content-type": "application/json" });
      const denied = {
        kind: "Status",
        status: "Failure",
        code: 403,
        reason: "Forbidden",
        message: "pods is forbidden",
      };
      response.end(JSON.stringify(isDenied ? denied : { metadata: { resourceVersion: "1" }, items: null }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const kubeconfig = await file(`apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "http://127.0.0.1:${port}" } }]
users: [{ name: u, user: {} }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`);
      for (const failOn of ["now", "any", "unsafe"] as const)
        expect(await conflicts([], { kubeconfig, failOn })).toBe(1);
      expect(await conflicts([], { kubeconfig })).toBe(0);
      expect(out).toContain("incomplete: the right to list pods is missing: pods is forbidden");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("takes nulls for fields that are not there, as the API server does", async () => {
    const text = `kind: Pod
metadata: { name: p, labels: null }
spec: { volumes: null, containers: [{ name: c, volumeMounts: null, securityContext: null }], securityContext: null }
`;
    expect(await conflicts([await file(text)])).toBe(0);
  });

  it("does not try or apply anything without a cluster, nor policies at all", async () => {
    await expect(optOut([EXAMPLE], { apply: true })).rejects.toThrow("need a cluster, not manifests");
    await expect(optOut([EXAMPLE], { apply: true, form: "policy" })).rejects.toThrow("are for --form strategic");
  });
});
