import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PackageSource } from "../debian/package-source.ts";
import { provisionedRuntime, provisionRuntime } from "./provision-runtime.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-provision-"));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => silent };
const { signal } = new AbortController();

/** Packages whose programs only print a version. */
function packagesWith(versions: { containerd: string; runc: string }): PackageSource & { unpacked: number } {
  const source = {
    unpacked: 0,
    unpack: async ({ into }: { into: string }) => {
      source.unpacked += 1;
      const programs: Record<string, string> = {
        "usr/bin/containerd": `containerd example.org/containerd/v2 ${versions.containerd}`,
        "usr/sbin/runc": `runc version ${versions.runc}`,
      };
      const others = ["usr/bin/containerd-shim-runc-v2", "usr/bin/ctr", "usr/sbin/nft", "usr/bin/ip"];
      const plugins = ["bridge", "host-local", "loopback", "portmap"].map((name) => `usr/lib/cni/${name}`);
      for (const path of [...Object.keys(programs), ...others, ...plugins]) {
        await mkdir(dirname(join(into, path)), { recursive: true });
        await writeFile(join(into, path), `#!/bin/sh\necho '${programs[path] ?? "1.0"}'\n`, { mode: 0o755 });
      }
    },
  };
  return source;
}

describe("provisionRuntime()", () => {
  it("provisions once; later calls only read what is there", async () => {
    const software = join(folder, "software");
    const packages = packagesWith({ containerd: "2.1.9", runc: "1.3.6+ds1" });
    const first = await provisionRuntime(
      { packages, log: silent },
      { software, shared: join(folder, "shared"), signal },
    );
    expect(first.versions).toEqual({ containerd: "2.1.9", runc: "1.3.6" });
    expect(first.runc).toBe(join(software, "usr/sbin/runc"));
    expect(
      await provisionRuntime({ packages, log: silent }, { software, shared: join(folder, "shared"), signal }),
    ).toEqual(first);
    expect(await provisionedRuntime(software)).toEqual(first);
    expect(packages.unpacked).toBe(1);
  });

  it("refuses what is too old and says what to do", async () => {
    const software = join(folder, "software");
    const packages = packagesWith({ containerd: "2.1.9", runc: "1.1.15" });
    const refused = provisionRuntime({ packages, log: silent }, { software, shared: join(folder, "shared"), signal });
    await expect(refused).rejects.toThrow("has runc 1.1.15, user namespaces need 1.2 or newer");
    expect(await provisionedRuntime(software)).toBeUndefined();
  });

  it("leaves nothing half-done when it fails, and starts over", async () => {
    const software = join(folder, "software");
    const broken: PackageSource = {
      unpack: async ({ into }) => {
        await writeFile(join(into, "half"), "");
        throw new Error("the network went away");
      },
    };
    await expect(
      provisionRuntime({ packages: broken, log: silent }, { software, shared: join(folder, "shared"), signal }),
    ).rejects.toThrow("network");
    expect(await readdir(folder)).toEqual(["shared"]);
    expect(await readdir(join(folder, "shared"))).toEqual([]);
    const packages = packagesWith({ containerd: "2.0.0", runc: "1.2.0" });
    await provisionRuntime({ packages, log: silent }, { software, shared: join(folder, "shared"), signal });
    expect(await readdir(software)).not.toContain("half");
  });

  it("makes a tree again that is of an older recipe", async () => {
    const software = join(folder, "software");
    const packages = packagesWith({ containerd: "2.1.9", runc: "1.3.6" });
    const options = { software, shared: join(folder, "shared"), signal };
    const first = await provisionRuntime({ packages, log: silent }, options);
    const stamp = join(software, "orlop.json");
    await writeFile(stamp, (await readFile(stamp, "utf8")).replace(/"recipe":\d+/, '"recipe":0'));
    await writeFile(join(software, "leftover"), "");
    expect(await provisionRuntime({ packages, log: silent }, options)).toEqual(first);
    expect(await readdir(software)).not.toContain("leftover");
  });

  it("unpacks once for two data directories, which then do not depend on the shared folder", async () => {
    const packages = packagesWith({ containerd: "2.1.9", runc: "1.3.6" });
    const shared = join(folder, "shared");
    for (const name of ["one", "two"]) {
      await provisionRuntime({ packages, log: silent }, { software: join(folder, name), shared, signal });
    }
    expect(packages.unpacked).toBe(1);
    await rm(shared, { recursive: true });
    expect(await readFile(join(folder, "two", "usr/sbin/runc"), "utf8")).toContain("1.3.6");
  });
});
