import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { hostArchives } from "../../../src/adapters/debian/host-archives.ts";
import { mainArchive, parseRelease } from "../../../src/adapters/debian/release.ts";
import { runCommand } from "../../../src/adapters/debian/run-command.ts";

/** What a machine boots from. */
export interface BaseImage {
  readonly kernel: string;
  readonly initrd: string;
  /** An ext4 file system with labels; nobody writes to it, each boot has an overlay of its own. */
  readonly disk: string;
}

const SUITE = "trixie";
const PACKAGES: readonly string[] = [
  "attr",
  "e2fsprogs",
  "initramfs-tools",
  "iproute2",
  "kmod",
  "linux-image-amd64",
  "lz4",
  "mount",
  "nftables",
  "nodejs",
  "open-iscsi",
  "policycoreutils",
  "procps",
  "selinux-policy-default",
  "selinux-utils",
  "semodule-utils",
  "strace",
  "tgt",
  "udev",
  "util-linux",
  "xfsprogs",
];
const UNREAD = ["doc", "man", "locale", "info", "lintian"];
const SIZE = "2500M";
const RECIPE_FOLDER = resolve(import.meta.dirname, "../image");
/** Only what the disk needs to be found: the whole initial file system is unpacked at every boot. */
const INITIAL_MODULES = "virtio_pci\\nvirtio_blk\\next4\\n";

/**
 * A Debian tree with SELinux enforcing, its labels written by setfiles, as a disk; made out of packages of the archive
 * this host uses. Kept in `cacheFolder` by a hash of its recipe: made once, in about two minutes.
 */
export async function baseImage(cacheFolder: string, say: (text: string) => void): Promise<BaseImage> {
  const policy = await readFile(join(RECIPE_FOLDER, "orlop-host.cil"), "utf8");
  const init = await readFile(join(RECIPE_FOLDER, "init"), "utf8");
  const recipe = JSON.stringify([SUITE, PACKAGES, UNREAD, SIZE, INITIAL_MODULES, policy, init]);
  const folder = join(cacheFolder, createHash("sha256").update(recipe).digest("hex").slice(0, 16));
  const image = { kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd.img"), disk: join(folder, "root.img") };
  if (await exists(folder)) return image;

  say(`building the machine's disk (once, about two minutes) in ${folder}`);
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}.new-`);
  try {
    const tree = join(work, "tree");
    await bootstrap(tree);
    await writeFile(join(tree, "init"), init, { mode: 0o755 });
    await addPolicyModule(tree);
    await enforce(tree);
    await label(tree);
    await runCommand("mke2fs", ["-q", "-t", "ext4", "-d", tree, join(work, "root.img"), SIZE]);
    const boot = await readdir(join(tree, "boot"));
    const named = (prefix: string): string =>
      join(tree, "boot", boot.find((name) => name.startsWith(prefix)) ?? prefix);
    await copyFile(named("vmlinuz-"), join(work, "vmlinuz"));
    await copyFile(named("initrd.img-"), join(work, "initrd.img"));
    await rm(tree, { recursive: true, force: true });
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  for (const other of await readdir(cacheFolder)) {
    // Disks of older recipes.
    if (join(cacheFolder, other) !== folder) await rm(join(cacheFolder, other), { recursive: true, force: true });
  }
  return image;
}

async function bootstrap(tree: string): Promise<void> {
  const modules = `mkdir -p "$1/etc/initramfs-tools/conf.d" && printf '${INITIAL_MODULES}' > "$1/etc/initramfs-tools/modules"`;
  const small = `printf 'MODULES=list\\nBUSYBOX=n\\nCOMPRESS=lz4\\n' > "$1/etc/initramfs-tools/conf.d/small"`;
  await runCommand("mmdebstrap", [
    "--variant=minbase",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    ...UNREAD.map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
    `--setup-hook=${modules} && ${small}`,
    `--include=${PACKAGES.join(",")}`,
    "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
    SUITE,
    tree,
    `deb ${await debianArchive()} ${SUITE} main`,
  ]);
}

/** The archive this host takes Debian from; on another distribution Debian's own. */
async function debianArchive(): Promise<string> {
  const release = parseRelease(await readFile("/etc/os-release", "utf8").catch(() => ""));
  const archive =
    release.ok && release.value.family === "debian"
      ? mainArchive(release.value, await hostArchives("/etc"))
      : undefined;
  return archive?.uri ?? "http://deb.debian.org/debian";
}

async function addPolicyModule(tree: string): Promise<void> {
  await copyFile(join(RECIPE_FOLDER, "orlop-host.cil"), join(tree, "root/orlop-host.cil"));
  await runCommand("chroot", [tree, "/usr/sbin/semodule", "-n", "-i", "/root/orlop-host.cil"]);
}

async function enforce(tree: string): Promise<void> {
  const file = join(tree, "etc/selinux/config");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^SELINUX=.*$/m, "SELINUX=enforcing"));
}

/** Attributes can be written without SELinux on this host; mke2fs carries them into the disk. */
async function label(tree: string): Promise<void> {
  const contexts = join(tree, "etc/selinux/default/contexts/files/file_contexts");
  await runCommand("setfiles", ["-F", "-r", tree, contexts, tree]);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
