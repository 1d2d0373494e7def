import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Log } from "../../ports/log.ts";
import type { PackageSource } from "../debian/package-source.ts";
import { runCommand } from "../debian/run-command.ts";
import { replaceFile } from "../files/replace-file.ts";
import { meetsMinimum, MINIMUM_VERSIONS, versionIn } from "./runtime-versions.ts";

/** The programs of a provisioned runtime, by full path. */
export interface RuntimeSoftware {
  readonly containerd: string;
  readonly ctr: string;
  readonly runc: string;
  readonly nft: string;
  readonly ip: string;
  /** Network plugins. */
  readonly plugins: string;
  /** For PATH of containerd: its shim, runc and nft. */
  readonly searchPath: readonly string[];
  readonly versions: { readonly containerd: string; readonly runc: string };
}

export interface ProvisionDeps {
  readonly packages: PackageSource;
  readonly log: Log;
}

export interface ProvisionOptions {
  /** The folder that will hold the unpacked packages. */
  readonly software: string;
  /** Where the packages are unpacked once for all data directories; each gets links to the files. */
  readonly shared: string;
  readonly signal: AbortSignal;
}

/** What the runtime is made of; catatonit becomes the sandbox image. One download for all. */
export const RUNTIME_PACKAGES: readonly string[] = [
  "catatonit",
  "containerd",
  "containernetworking-plugins",
  "iproute2",
  "nftables",
  "patchelf",
  "runc",
];

const UNPACKED_ELSEWHERE = new Set(["catatonit"]);
const PROGRAMS = [
  "usr/bin/containerd",
  "usr/bin/containerd-shim-runc-v2",
  "usr/bin/ctr",
  "usr/sbin/runc",
  "usr/sbin/nft",
];
const PLUGINS = ["bridge", "host-local", "loopback", "portmap"].map((name) => `usr/lib/cni/${name}`);
/** Raise when the steps change: older trees are then made again. */
const RECIPE = 1;

interface Stamp {
  readonly recipe: number;
  readonly software: string;
  readonly versions: RuntimeSoftware["versions"];
}

/**
 * Puts containerd, runc and the network plugins into a private folder, out of the newest suite of the host's own archive,
 * without touching what is installed on the host. Idempotent: with everything in place it reads one small file.
 * Interrupted at any point, the next call starts over.
 */
export async function provisionRuntime(deps: ProvisionDeps, options: ProvisionOptions): Promise<RuntimeSoftware> {
  const { software, signal } = options;
  const known = await readStamp(software);
  if (known !== undefined) return softwareIn(software, known.versions);

  deps.log.info("provisioning a private container runtime", { folder: software });
  const unpacked = await unpackOnce(deps, options);
  await replaceFolder(software, async (fresh) => {
    await linkTree(unpacked, fresh, signal);
    await makeRunnable(fresh, software, signal);
  });
  const versions = await installedVersions(software, signal);
  const reason = tooOld(new Map(Object.entries(versions)));
  if (reason !== undefined) {
    await rm(unpacked, { recursive: true, force: true });
    throw new OrlopError(
      "Unsupported",
      `the package archive of this host has ${reason}: install a newer one and pass --container-runtime-endpoint`,
    );
  }
  const stamp: Stamp = { recipe: RECIPE, software, versions };
  await replaceFile(stampFile(software), JSON.stringify(stamp), { mode: 0o644 });
  deps.log.info("provisioned a private container runtime", { ...versions });
  return softwareIn(software, versions);
}

/** The packages' tree in the shared folder; a tree there is always complete. */
async function unpackOnce(deps: ProvisionDeps, options: ProvisionOptions): Promise<string> {
  const tree = join(options.shared, `packages-${RECIPE}`);
  if (await isFolder(tree)) return tree;
  await replaceFolder(tree, async (fresh) => {
    const only = (name: string): boolean => !UNPACKED_ELSEWHERE.has(name);
    await deps.packages.unpack({
      packages: RUNTIME_PACKAGES,
      into: fresh,
      only,
      refuse: tooOld,
      signal: options.signal,
    });
    for (const unread of ["usr/share/doc", "usr/share/man", "usr/share/locale"]) {
      await rm(join(fresh, unread), { recursive: true, force: true });
    }
  });
  return tree;
}

/** Makes a folder anew beside its place and puts it there when it is complete. */
async function replaceFolder(folder: string, fill: (fresh: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o711 });
  const fresh = await mkdtemp(`${folder}.new-`);
  try {
    await chmod(fresh, 0o755);
    await fill(fresh);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Files are linked where both folders are on one file system, else copied. */
async function linkTree(from: string, into: string, signal: AbortSignal): Promise<void> {
  await runCommand("cp", ["--archive", "--link", `${from}/.`, into], { signal }).catch(async () => {
    signal.throwIfAborted();
    await runCommand("cp", ["--archive", "--remove-destination", `${from}/.`, into], { signal });
  });
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (about) => about.isDirectory(),
    () => false,
  );
}

/** The runtime a former run provisioned, or undefined. */
export async function provisionedRuntime(software: string): Promise<RuntimeSoftware | undefined> {
  const known = await readStamp(software);
  return known === undefined ? undefined : softwareIn(software, known.versions);
}

function softwareIn(software: string, versions: RuntimeSoftware["versions"]): RuntimeSoftware {
  const at = (path: string): string => join(software, path);
  return {
    containerd: at("usr/bin/containerd"),
    ctr: at("usr/bin/ctr"),
    runc: at("usr/sbin/runc"),
    nft: at("usr/sbin/nft"),
    ip: at("usr/bin/ip"),
    plugins: at("usr/lib/cni"),
    searchPath: [at("usr/bin"), at("usr/sbin")],
    versions,
  };
}

function stampFile(software: string): string {
  return join(software, "orlop.json");
}

async function readStamp(software: string): Promise<Stamp | undefined> {
  try {
    const stamp = JSON.parse(await readFile(stampFile(software), "utf8")) as Stamp;
    return stamp.recipe === RECIPE && stamp.software === software ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The packages may be newer than the host's C library. Programs the host can not load get the library they came with, by
 * the absolute path they will have in `final`.
 */
async function makeRunnable(fresh: string, final: string, signal: AbortSignal): Promise<void> {
  const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
  const libraries = `usr/lib/${architecture}-linux-gnu`;
  const loader = `${libraries}/ld-linux-${process.arch === "arm64" ? "aarch64.so.1" : "x86-64.so.2"}`;
  for (const program of [...PROGRAMS, ...PLUGINS, "usr/bin/ip"]) {
    const file = join(fresh, program);
    if (await loads(file, signal)) continue;
    await runCommand(
      join(fresh, loader),
      [
        "--library-path",
        join(fresh, libraries),
        join(fresh, "usr/bin/patchelf"),
        "--set-interpreter",
        join(final, loader),
        "--force-rpath",
        "--set-rpath",
        join(final, libraries),
        // A file of its own: the one here is shared with other data directories.
        "--output",
        `${file}.patched`,
        file,
      ],
      { signal },
    );
    await rename(`${file}.patched`, file);
  }
}

/** Whether the host's own loader can start the program; what the program then does with the flag is of no interest. */
async function loads(file: string, signal: AbortSignal): Promise<boolean> {
  try {
    await runCommand(file, ["--version"], { signal });
    return true;
  } catch (cause) {
    if (signal.aborted) throw cause;
    return !/error while loading shared libraries|version `GLIBC/.test(messageOf(cause));
  }
}

async function installedVersions(software: string, signal: AbortSignal): Promise<RuntimeSoftware["versions"]> {
  return {
    containerd: versionIn((await runCommand(join(software, "usr/bin/containerd"), ["--version"], { signal })).stdout),
    runc: versionIn((await runCommand(join(software, "usr/sbin/runc"), ["--version"], { signal })).stdout),
  };
}

/** Which of the programs can not do user namespaces, or undefined. */
export function tooOld(versions: ReadonlyMap<string, string>): string | undefined {
  for (const name of ["containerd", "runc"] as const) {
    const found = versionIn(versions.get(name) ?? "");
    const minimum = MINIMUM_VERSIONS[name];
    if (!meetsMinimum(found, minimum)) return `${name} ${found}, user namespaces need ${minimum} or newer`;
  }
  return undefined;
}
