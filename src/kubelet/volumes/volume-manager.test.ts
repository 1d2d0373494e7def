import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFiles } from "../../adapters/files/files.ts";
import { createLinuxMounts } from "../../adapters/linux/mounts.ts";
import { createLinuxSubpaths } from "../../adapters/linux/subpaths.ts";
import type { ConfigMap, Pod, Secret } from "../../api/types.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostMounts } from "../../ports/host-mounts.ts";
import type { Log } from "../../ports/log.ts";
import { createFakeClock, settle } from "../../testing/fake-clock.ts";
import { createServiceAccountTokens, renewalTime } from "./service-account-tokens.ts";
import { createVolumeManager, type VolumeManager } from "./volume-manager.ts";

const ROOT = process.getuid?.() === 0;
const { signal } = new AbortController();
const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

interface World {
  readonly root: string;
  readonly manager: VolumeManager;
  readonly configMaps: Map<string, ConfigMap>;
  readonly secrets: Map<string, Secret>;
  readonly tokens: string[];
  readonly objects: Map<string, unknown>;
  readonly clock: ReturnType<typeof createFakeClock>;
  changed(namespace: string): void;
  mounts: HostMounts;
}

let world: World;

async function createWorld(given?: string): Promise<World> {
  const root = given ?? (await realpath(await mkdtemp(join(tmpdir(), "orlop-volumes-"))));
  const objects = new Map<string, unknown>();
  const configMaps = new Map<string, ConfigMap>();
  const secrets = new Map<string, Secret>();
  const tokens: string[] = [];
  const listeners = new Set<(namespace: string) => void>();
  const clock = createFakeClock();
  let counter = 0;
  const random = {
    bytes: (length: number) => new Uint8Array(length).fill(++counter % 256),
    uuid: () => "",
    fraction: () => 0,
  };
  const mounts = createLinuxMounts();
  const shared: { mounts: HostMounts } = { mounts };
  const passing: HostMounts = {
    list: (s) => shared.mounts.list(s),
    mount: (request, s) => shared.mounts.mount(request, s),
    unmount: (target, s) => shared.mounts.unmount(target, s),
  };
  const tokenService = createServiceAccountTokens({
    clock,
    random,
    log: silent,
    client: {
      post: async <Answer>(): Promise<Answer> => {
        tokens.push(`token-${tokens.length + 1}`);
        const status = { token: tokens.at(-1), expirationTimestamp: new Date(clock.now() + 3_600_000).toISOString() };
        return { status } as Answer;
      },
    },
  });
  const manager = createVolumeManager(
    {
      files: createFiles(),
      mounts: passing,
      subpaths: createLinuxSubpaths(passing),
      client: {
        get: async <T>(_: unknown, { name }: { readonly name: string }): Promise<T> => {
          const found = objects.get(name);
          if (found === undefined) throw new OrlopError("NotFound", `no ${name}`);
          return found as T;
        },
      },
      tokens: tokenService,
      clock,
      random,
      log: silent,
      references: {
        configMap: async (_, name) => configMaps.get(name),
        secret: async (_, name) => secrets.get(name),
        retain: () => undefined,
      },
      allocatable: () => ({ cpu: "2", memory: "4Gi" }),
      podMemoryLimit: () => 64 * 2 ** 20,
      onReferenceChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    { root, clusterDomain: "cluster.local", tmpfsNoSwap: false },
  );
  return {
    root,
    manager,
    configMaps,
    secrets,
    tokens,
    objects,
    clock,
    changed: (namespace) => listeners.forEach((listener) => listener(namespace)),
    get mounts() {
      return shared.mounts;
    },
    set mounts(value) {
      shared.mounts = value;
    },
  };
}

beforeEach(async () => {
  world = await createWorld();
});

afterEach(async () => {
  const real = createLinuxMounts();
  for (const { target } of (await real.list(signal)).toReversed()) {
    if (target.startsWith(`${world.root}/`)) await real.unmount(target, signal);
  }
  await rm(world.root, { recursive: true, force: true });
});

function podWith(volumes: NonNullable<Pod["spec"]>["volumes"], extra: Partial<NonNullable<Pod["spec"]>> = {}): Pod {
  return {
    metadata: { name: "web", namespace: "default", uid: "uid-1", labels: { app: "web" } },
    spec: {
      serviceAccountName: "default",
      volumes: volumes ?? [],
      ...extra,
      containers: [
        {
          name: "main",
          image: "i",
          terminationMessagePath: "/dev/termination-log",
          volumeMounts: (volumes ?? []).map(({ name }) => ({ name, mountPath: `/${name}` })),
        },
      ],
    },
  };
}

const volume = (plugin: string, name: string): string =>
  join(world.root, "pods/uid-1/volumes", `kubernetes.io~${plugin}`, name);
const mountedTargets = async (): Promise<readonly string[]> =>
  (await createLinuxMounts().list(signal))
    .map(({ target }) => target)
    .filter((target) => target.startsWith(world.root));
const optionsOf = async (target: string): Promise<readonly string[]> =>
  (await createLinuxMounts().list(signal)).find((entry) => entry.target === target)?.superOptions ?? [];

describe("createVolumeManager()", () => {
  it("projects a ConfigMap through ..data and swaps it when it changes", async () => {
    world.configMaps.set("c", { data: { a: "1", b: "2" }, binaryData: { bin: "AAE=" } });
    const pod = podWith([{ name: "conf", configMap: { name: "c", defaultMode: 0o640 } }]);
    await world.manager.volumes.prepare(pod, signal);
    const path = volume("configmap", "conf");
    expect(await readFile(join(path, "a"), "utf8")).toBe("1");
    expect([...(await readFile(join(path, "bin")))]).toEqual([0, 1]);
    expect((await stat(join(path, "a"))).mode & 0o777).toBe(0o640);
    const first = await readlink(join(path, "..data"));

    await world.manager.volumes.prepare(pod, signal);
    expect(await readlink(join(path, "..data"))).toBe(first);

    world.configMaps.set("c", { data: { a: "new" } });
    await world.manager.volumes.prepare(pod, signal);
    const second = await readlink(join(path, "..data"));
    expect(second).not.toBe(first);
    expect((await readdir(path)).sort()).toEqual([second, "..data", "a"].sort());
    expect(await readFile(join(path, "a"), "utf8")).toBe("new");
  });

  it("refreshes running pods when a reference changes, without being asked", async () => {
    world.configMaps.set("c", { data: { a: "1" } });
    const pod = podWith([{ name: "conf", configMap: { name: "c" } }]);
    await world.manager.volumes.prepare(pod, signal);
    const stop = new AbortController();
    let ready = (): void => undefined;
    const isReady = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const running = world.manager.unit.run(stop.signal, ready);
    await isReady;
    world.configMaps.set("c", { data: { a: "2" } });
    world.changed("default");
    stop.abort();
    await running;
    expect(await readFile(join(volume("configmap", "conf"), "a"), "utf8")).toBe("2");
  });

  it("tells a missing object with the text of a FailedMount event, and takes an optional one as empty", async () => {
    await expect(
      world.manager.volumes.prepare(podWith([{ name: "conf", configMap: { name: "none" } }]), signal),
    ).rejects.toThrow('MountVolume.SetUp failed for volume "conf" : configmap "none" not found');
    expect(await readdir(join(world.root))).toEqual([]);
    await world.manager.volumes.prepare(
      podWith([{ name: "conf", configMap: { name: "none", optional: true } }]),
      signal,
    );
    expect(await readlink(join(volume("configmap", "conf"), "..data"))).toMatch(/^\.\./);
  });

  it("leaves nothing behind after a refused key and finds its way again after a restart", async () => {
    world.configMaps.set("c", { data: { a: "1" } });
    const pod = podWith([{ name: "conf", configMap: { name: "c", items: [{ key: "zz", path: "x" }] } }]);
    await expect(world.manager.volumes.prepare(pod, signal)).rejects.toThrow(
      "configmap references non-existent config key: zz",
    );
    const good = podWith([{ name: "conf", configMap: { name: "c", items: [{ key: "a", path: "deep/er/x" }] } }]);
    await world.manager.volumes.prepare(good, signal);
    expect(await readFile(join(volume("configmap", "conf"), "deep/er/x"), "utf8")).toBe("1");
    expect(await world.manager.volumes.podsOnDisk(signal)).toEqual(["uid-1"]);
  });

  it("refuses hostPaths of another type and creates what it should", async () => {
    const path = join(world.root, "host/new");
    const at = (type: string) => podWith([{ name: "h", hostPath: { path, type } }]);
    await expect(world.manager.volumes.prepare(at("Socket"), signal)).rejects.toThrow(
      `hostPath type check failed: ${path} is not a socket file`,
    );
    await world.manager.volumes.prepare({ ...at("DirectoryOrCreate"), metadata: { uid: "uid-2" } }, signal);
    expect((await stat(path)).mode & 0o777).toBe(0o755);
  });

  it("says which volumes it can not make", async () => {
    await expect(
      world.manager.volumes.prepare(podWith([{ name: "n", nfs: { path: "/", server: "s" } }]), signal),
    ).rejects.toThrow("nfs volumes are not supported");
    await expect(
      world.manager.volumes.prepare(podWith([{ name: "x", csi: { driver: "d.io" } }]), signal),
    ).rejects.toThrow("CSI volumes are not supported yet");
  });

  it("names the volume whose filesystem can not be ID-mapped, when the pod needs that", async () => {
    const volumes = [{ name: "leak", hostPath: { path: "/proc/sys" } }];
    await expect(world.manager.volumes.prepare(podWith(volumes, { hostUsers: false }), signal)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "leak" : /proc/sys can not be used by a pod with hostUsers: false: the filesystem proc can not be ID-mapped',
    );
    await world.manager.volumes.prepare(podWith(volumes), signal);
  });

  it("refuses a pod uid that is no plain name", async () => {
    const pod = { ...podWith([]), metadata: { uid: "../../etc" } };
    expect(() => world.manager.volumes.prepare(pod, signal)).toThrow(/cannot name a directory/);
    expect(() => world.manager.volumes.release("..", signal)).toThrow(/cannot name a directory/);
  });

  it("mounts hosts file, termination log and subPaths, with ID mappings on every mount", async () => {
    const pod = podWith([], { hostAliases: [{ ip: "10.9.9.9", hostnames: ["alias"] }] });
    const [container] = pod.spec?.containers ?? [];
    if (container === undefined) throw new Error("no container");
    await world.manager.volumes.prepare(pod, signal);
    const lines = [{ hostId: 65536, containerId: 0, length: 65536 }];
    const mounts = await world.manager.volumes.mounts(
      pod,
      container,
      { podIps: ["10.0.0.7"], attempt: 0, mapping: { uidMappings: lines, gidMappings: lines } },
      signal,
    );
    expect(mounts.map(({ containerPath }) => containerPath)).toEqual(["/etc/hosts", "/dev/termination-log"]);
    expect(mounts.every(({ uidMappings, gidMappings }) => uidMappings === lines && gidMappings === lines)).toBe(true);
    expect(await readFile(mounts[0]?.hostPath ?? "", "utf8")).toContain("10.0.0.7\tweb\n");
    expect((await stat(mounts[1]?.hostPath ?? "")).mode & 0o777).toBe(0o666);
    for (let attempt = 1; attempt < 12; attempt++) {
      await world.manager.volumes.mounts(pod, container, { podIps: [], attempt }, signal);
    }
    expect((await readdir(join(world.root, "pods/uid-1/containers/main"))).length).toBeLessThanOrEqual(5);
  });
});

describe("renewalTime()", () => {
  it("is 80 % of the life, at most 24 hours", () => {
    expect(renewalTime(0, 3_600_000, 0)).toBe(2_880_000);
    expect(renewalTime(0, 1_000 * 3_600_000, 0)).toBe(24 * 3_600_000);
  });
});

describe.skipIf(!ROOT)("createVolumeManager() with mounts (needs root)", () => {
  const tokenPod = (extra: Partial<NonNullable<Pod["spec"]>> = {}): Pod =>
    podWith(
      [
        {
          name: "api",
          projected: {
            defaultMode: 0o644,
            sources: [
              { serviceAccountToken: { path: "token", expirationSeconds: 3_600 } },
              { configMap: { name: "ca", items: [{ key: "ca.crt", path: "ca.crt" }] } },
              { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
            ],
          },
        },
      ],
      extra,
    );

  it("keeps tokens in memory, owned by the pod's user and group, and renews them", async () => {
    world.configMaps.set("ca", { data: { "ca.crt": "CERT" } });
    const pod = tokenPod({ securityContext: { runAsUser: 1000, fsGroup: 2000 } });
    await world.manager.volumes.prepare(pod, signal);
    const path = volume("projected", "api");
    expect(await mountedTargets()).toEqual([path]);
    const token = await stat(join(path, "token"));
    expect([token.uid, token.gid, token.mode & 0o777]).toEqual([1000, 2000, 0o640]);
    expect((await stat(path)).mode & 0o7777).toBe(0o2777);
    expect(await readFile(join(path, "labels"), "utf8")).toBe('app="web"');
    await world.manager.volumes.prepare(pod, signal);
    expect(world.tokens).toHaveLength(1);
    await world.clock.advance(2_880_001);
    await settle();
    await world.manager.volumes.prepare(pod, signal);
    expect(await readFile(join(path, "token"), "utf8")).toBe("token-2");
  });

  it("limits an emptyDir in memory to the smaller of its own and the pod's limit", async () => {
    const pod = podWith([
      { name: "small", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      { name: "large", emptyDir: { medium: "Memory", sizeLimit: "1Gi" } },
      { name: "disk", emptyDir: {} },
    ]);
    await world.manager.volumes.prepare(
      { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], securityContext: { fsGroup: 5 } } },
      signal,
    );
    expect(await optionsOf(volume("empty-dir", "small"))).toContain("size=1024k");
    expect(await optionsOf(volume("empty-dir", "large"))).toContain("size=65536k");
    const disk = await stat(volume("empty-dir", "disk"));
    expect([disk.mode & 0o7777, disk.gid]).toEqual([0o2777, 5]);
  });

  it("releases everything, also twice and after a restart", async () => {
    world.configMaps.set("ca", { data: { "ca.crt": "CERT" } });
    const pod = tokenPod();
    await world.manager.volumes.prepare(pod, signal);
    const again = await createWorld();
    await rm(again.root, { recursive: true });
    await world.manager.volumes.release("uid-1", signal);
    await world.manager.volumes.release("uid-1", signal);
    expect(await mountedTargets()).toEqual([]);
    expect(await readdir(join(world.root, "pods"))).toEqual([]);
  });

  it("leaves the modes of files alone that containers chose, also after a restart", async () => {
    const pod = podWith([{ name: "disk", emptyDir: {} }], { securityContext: { fsGroup: 5 } });
    await world.manager.volumes.prepare(pod, signal);
    const file = join(volume("empty-dir", "disk"), "private");
    await writeFile(file, "x", { mode: 0o600 });
    const restarted = await createWorld(world.root);
    await restarted.manager.volumes.prepare(pod, signal);
    const after = await stat(file);
    expect([after.mode & 0o777, after.gid]).toEqual([0o600, 5]);
    await chmod(file, 0o400);
    await rm(join(world.root, "pods/uid-1/plugins"), { recursive: true });
    await (await createWorld(world.root)).manager.volumes.prepare(pod, signal);
    expect((await stat(file)).mode & 0o777).toBe(0o660);
  });

  it("binds a local persistent volume of a claim, and gives it back untouched", async () => {
    const disk = join(world.root, "disk");
    await mkdir(disk);
    await writeFile(join(disk, "kept"), "data");
    world.objects.set("claim", {
      metadata: { name: "claim", namespace: "default", uid: "c1" },
      spec: { volumeName: "pv" },
      status: { phase: "Bound" },
    });
    world.objects.set("pv", {
      metadata: { name: "pv", annotations: { "pv.beta.kubernetes.io/gid": "777" } },
      spec: { local: { path: disk }, claimRef: { uid: "c1", name: "claim", namespace: "default" } },
    });
    const pod = podWith([{ name: "v", persistentVolumeClaim: { claimName: "claim", readOnly: true } }]);
    await world.manager.volumes.prepare(pod, signal);
    const path = volume("local-volume", "pv");
    expect(await readFile(join(path, "kept"), "utf8")).toBe("data");
    const [container] = pod.spec?.containers ?? [];
    if (container === undefined) throw new Error("no container");
    const [mount] = await world.manager.volumes.mounts(pod, container, { podIps: [], attempt: 0 }, signal);
    expect(mount).toMatchObject({ hostPath: path, readOnly: true });
    await world.manager.volumes.prepare(pod, signal);
    expect(world.manager.volumes.groups(pod)).toEqual([777]);
    await world.manager.volumes.release("uid-1", signal);
    expect(world.manager.volumes.groups(pod)).toEqual([]);
    expect(await readFile(join(disk, "kept"), "utf8")).toBe("data");
    expect(await mountedTargets()).toEqual([]);
    world.objects.set("claim", { metadata: { name: "claim", uid: "c1" }, status: { phase: "Pending" } });
    await expect(world.manager.volumes.prepare(pod, signal)).rejects.toThrow('has non-bound phase ("Pending")');
  });

  it("takes back the tmpfs when the set-up fails afterwards", async () => {
    const files = world.mounts;
    world.secrets.set("s", { data: { k: "djE=" } });
    world.mounts = { ...files, mount: () => Promise.reject(new OrlopError("Internal", "mount said no")) };
    await expect(
      world.manager.volumes.prepare(podWith([{ name: "s", secret: { secretName: "s" } }]), signal),
    ).rejects.toThrow('MountVolume.SetUp failed for volume "s" : mount said no');
    expect(await readdir(join(world.root, "pods/uid-1/volumes/kubernetes.io~secret"))).toEqual([]);
    world.mounts = files;
    await world.manager.volumes.prepare(podWith([{ name: "s", secret: { secretName: "s" } }]), signal);
    expect(await readFile(join(volume("secret", "s"), "k"), "utf8")).toBe("v1");
  });

  it("deletes nothing when it can not tell what is mounted, or when something foreign is", async () => {
    const real = world.mounts;
    await world.manager.volumes.prepare(podWith([{ name: "disk", emptyDir: {} }]), signal);
    const data = join(volume("empty-dir", "disk"), "data");
    await writeFile(data, "precious");
    world.mounts = {
      ...real,
      list: () => Promise.reject(new OrlopError("Unavailable", "cannot tell what is mounted")),
    };
    await expect(world.manager.volumes.release("uid-1", signal)).rejects.toThrow("cannot tell");
    world.mounts = real;
    const foreign = join(volume("empty-dir", "disk"), "foreign");
    await mkdir(foreign);
    await real.mount({ source: "tmpfs", target: foreign, filesystem: "tmpfs", options: [] }, signal);
    await expect(world.manager.volumes.release("uid-1", signal)).rejects.toThrow("was not mounted by the kubelet");
    expect(await readFile(data, "utf8")).toBe("precious");
    await real.unmount(foreign, signal);
    await world.manager.volumes.release("uid-1", signal);
    expect(await world.manager.volumes.podsOnDisk(signal)).toEqual([]);
  });

  it("binds subPaths that exist or not, and hides why one is refused", async () => {
    const pod = podWith([{ name: "disk", emptyDir: {} }]);
    const container = {
      name: "main",
      image: "i",
      volumeMounts: [
        { name: "disk", mountPath: "/a", subPathExpr: "$(NAME)/logs" },
        { name: "disk", mountPath: "/b", subPath: "escape/x", readOnly: true },
      ],
    };
    await world.manager.volumes.prepare(pod, signal);
    const env = [{ name: "NAME", value: "web-0" }];
    await symlink("/etc", join(volume("empty-dir", "disk"), "escape"));
    await expect(world.manager.volumes.mounts(pod, container, { podIps: [], attempt: 0, env }, signal)).rejects.toThrow(
      'failed to create subPath directory for volumeMount "disk" of container "main"',
    );
    await rm(join(volume("empty-dir", "disk"), "escape"));
    const mounts = await world.manager.volumes.mounts(pod, container, { podIps: [], attempt: 0, env }, signal);
    expect(mounts.map(({ hostPath, readOnly }) => [hostPath.slice(world.root.length), readOnly])).toEqual([
      ["/pods/uid-1/volume-subpaths/disk/main/0", false],
      ["/pods/uid-1/volume-subpaths/disk/main/1", true],
    ]);
    expect((await stat(join(volume("empty-dir", "disk"), "web-0/logs"))).mode & 0o777).toBe(0o777);
    await world.manager.volumes.release("uid-1", signal);
    expect(await mountedTargets()).toEqual([]);
  });
});
