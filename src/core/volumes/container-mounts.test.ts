import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { resolvePropagation, resolveRecursiveReadOnly, resolveSubPath } from "./container-mounts.ts";
import { fileUserOf, modeForGroup, rootMatchesGroup } from "./file-ownership.ts";
import { hostNetworkHostsFile, managedHostsFile } from "./hosts-file.ts";
import { nestedMountPoints } from "./nested-mounts.ts";

const mount = { name: "data", mountPath: "/data" };

describe("resolveSubPath()", () => {
  it("expands names and keeps $$", () => {
    const env = [
      { name: "POD", value: "web-0" },
      { name: "EMPTY", value: "" },
    ];
    expect(resolveSubPath({ ...mount, subPathExpr: "$(POD)/$$(x)" }, env)).toEqual({ ok: true, value: "web-0/$(x)" });
    expect(resolveSubPath({ ...mount, subPathExpr: "$(NONE)/$(EMPTY)" }, env)).toEqual({
      ok: false,
      reason: "missing value for EMPTY, NONE",
    });
  });

  it("refuses to leave the volume", () => {
    expect(resolveSubPath({ ...mount, subPath: "/etc" }, [])).toMatchObject({ ok: false });
    expect(resolveSubPath({ ...mount, subPathExpr: "$(P)/x" }, [{ name: "P", value: "../.." }])).toMatchObject({
      ok: false,
    });
    expect(resolveSubPath({ ...mount, subPath: "a..b/..c" }, [])).toEqual({ ok: true, value: "a..b/..c" });
  });
});

describe("resolveRecursiveReadOnly()", () => {
  it("follows mode, mount and runtime", () => {
    const readOnly = { ...mount, readOnly: true };
    expect(resolveRecursiveReadOnly(mount, true)).toEqual({ ok: true, value: false });
    expect(resolveRecursiveReadOnly({ ...readOnly, recursiveReadOnly: "IfPossible" }, false)).toEqual({
      ok: true,
      value: false,
    });
    expect(resolveRecursiveReadOnly({ ...readOnly, recursiveReadOnly: "Enabled" }, true)).toEqual({
      ok: true,
      value: true,
    });
    expect(resolveRecursiveReadOnly({ ...readOnly, recursiveReadOnly: "Enabled" }, false)).toMatchObject({ ok: false });
    expect(resolveRecursiveReadOnly({ ...mount, recursiveReadOnly: "Enabled" }, true)).toMatchObject({ ok: false });
    expect(
      resolveRecursiveReadOnly(
        { ...readOnly, recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" },
        true,
      ),
    ).toMatchObject({ ok: false });
  });

  it("knows the propagation modes", () => {
    expect(resolvePropagation(mount)).toEqual({ ok: true, value: "private" });
    expect(resolvePropagation({ ...mount, mountPropagation: "Bidirectional" })).toEqual({
      ok: true,
      value: "bidirectional",
    });
    expect(resolvePropagation({ ...mount, mountPropagation: "x" })).toMatchObject({ ok: false });
  });
});

describe("file ownership", () => {
  it("adds group access as fsGroup does", () => {
    expect(modeForGroup(0o600, "file", { group: 1, readOnly: true })).toBe(0o640);
    expect(modeForGroup(0o644, "file", { group: 1, readOnly: false })).toBe(0o664);
    expect(modeForGroup(0o755, "directory", { group: 1, readOnly: false })).toBe(0o2775);
    expect(modeForGroup(0o600, "file", undefined)).toBe(0o600);
    expect(rootMatchesGroup({ gid: 1, mode: 0o2775 }, { group: 1, readOnly: false })).toBe(true);
    expect(rootMatchesGroup({ gid: 1, mode: 0o775 }, { group: 1, readOnly: false })).toBe(false);
  });

  it("gives token files to the one user all containers run as", () => {
    const container = (name: string, runAsUser?: number) => ({
      name,
      image: "i",
      ...(runAsUser !== undefined && { securityContext: { runAsUser } }),
    });
    const user = (...users: readonly (number | undefined)[]) =>
      fileUserOf({ spec: { containers: users.map((id, index) => container(`c${index}`, id)) } });
    expect(user(1000, 1000)).toBe(1000);
    expect(user(1000, 1001)).toBeUndefined();
    expect(user(1000, undefined)).toBeUndefined();
    expect(
      fileUserOf({ spec: { securityContext: { runAsUser: 7 }, containers: [container("a"), container("b", 7)] } }),
    ).toBe(7);
  });
});

describe("hosts file", () => {
  const pod: Pod = {
    metadata: { name: "web", namespace: "shop" },
    spec: { containers: [], hostAliases: [{ ip: "10.1.1.1", hostnames: ["a", "b"] }] },
  };

  it("lists the pod's addresses and aliases", () => {
    const text = managedHostsFile(pod, ["10.0.0.5", "fd00::5"], { hostname: "web", domain: "" });
    expect(text.startsWith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")).toBe(true);
    expect(text).toContain("10.0.0.5\tweb\nfd00::5\tweb\n");
    expect(text.endsWith("\n# Entries added by HostAliases.\n10.1.1.1\ta\tb\n")).toBe(true);
    expect(hostNetworkHostsFile(pod, "1.2.3.4 node\n")).toContain("(host network).\n1.2.3.4 node\n\n# Entries");
  });
});

describe("nestedMountPoints()", () => {
  it("finds the outermost mounts below a volume", () => {
    const pod: Pod = {
      spec: {
        containers: [
          {
            name: "c",
            image: "i",
            volumeMounts: [
              { name: "v", mountPath: "/dir" },
              { name: "w", mountPath: "/dir/nested" },
              { name: "x", mountPath: "/dir/nested/double" },
              { name: "y", mountPath: "/dir/nested-vol" },
              { name: "z", mountPath: "/directory" },
            ],
          },
        ],
      },
    };
    expect(nestedMountPoints(pod, "v")).toEqual({ ok: true, value: ["nested", "nested-vol"] });
    expect(nestedMountPoints(pod, "w")).toEqual({ ok: true, value: ["double"] });
  });
});
