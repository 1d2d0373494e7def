import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../debian/run-command.ts";
import type { PackageSource } from "../debian/package-source.ts";
import type { ImageDefinition } from "./definitions.ts";
import type { Descriptor, ImageStore } from "./image-store.ts";
import { folderEntries } from "./tar.ts";

export interface BuildImageDeps {
  readonly packages: PackageSource;
  readonly store: ImageStore;
}

export interface BuildImageOptions {
  /** Folder for the tree while it is put together. */
  readonly workFolder: string;
  readonly signal: AbortSignal;
}

/** Parts of packages nobody reads inside a container. */
const DROPPED = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/lintian",
  "usr/share/bash-completion",
];
const CERTIFICATES = "usr/share/ca-certificates/mozilla";

/** Builds an image out of Debian packages and puts it into the store under all its names. */
export async function buildImage(
  deps: BuildImageDeps,
  definition: ImageDefinition,
  options: BuildImageOptions,
): Promise<Descriptor> {
  const { signal } = options;
  await mkdir(options.workFolder, { recursive: true });
  const work = await mkdtemp(join(options.workFolder, `image-${definition.title}-`));
  try {
    const tree = join(work, "packages");
    await deps.packages.unpack({
      packages: definition.packages,
      into: tree,
      ...(definition.only !== undefined && { only: (name: string) => definition.only?.includes(name) === true }),
      signal,
    });
    const root = definition.moves === undefined ? tree : join(work, "root");
    await mkdir(root, { recursive: true, mode: 0o755 });
    for (const [target, source] of Object.entries(definition.moves ?? {})) {
      await mkdir(dirname(join(root, target)), { recursive: true });
      await rename(join(tree, source), join(root, target));
    }
    for (const path of DROPPED) await rm(join(root, path), { recursive: true, force: true });
    await bundleCertificates(root);
    if (definition.busybox) await linkBusybox(root, signal);
    await furnish(root, definition);
    return await deps.store.add({
      names: definition.names,
      config: definition.config,
      layer: folderEntries(root, definition.owners),
      signal,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function furnish(root: string, definition: ImageDefinition): Promise<void> {
  for (const [path, mode] of Object.entries(definition.folders ?? {})) {
    await mkdir(join(root, path), { recursive: true });
    await chmod(join(root, path), mode);
  }
  for (const [path, text] of Object.entries(definition.files ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), /(^|\/)bin\/|\.sh$/.test(path) ? 0o755 : 0o644);
  }
  for (const [path, target] of Object.entries(definition.links ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true });
    await symlink(target, join(root, path));
  }
}

/** What the package's own installation script would do: all authorities in one file. */
async function bundleCertificates(root: string): Promise<void> {
  const names = await readdir(join(root, CERTIFICATES)).catch(() => []);
  if (names.length === 0) return;
  const files = names.filter((name) => name.endsWith(".crt")).toSorted();
  const texts = await Promise.all(files.map(async (name) => readFile(join(root, CERTIFICATES, name), "utf8")));
  await mkdir(join(root, "etc/ssl/certs"), { recursive: true });
  await writeFile(join(root, "etc/ssl/certs/ca-certificates.crt"), texts.join(""));
}

/** One name per tool, as far as no real program has it. */
async function linkBusybox(root: string, signal: AbortSignal): Promise<void> {
  const program = (await exists(join(root, "usr/bin/busybox"))) ? "usr/bin/busybox" : "bin/busybox";
  const { stdout } = await runCommand(join(root, program), ["--list"], { signal });
  for (const tool of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
    if (await exists(join(root, "usr/bin", tool))) continue;
    if (await exists(join(root, "bin", tool))) continue;
    if (await exists(join(root, "usr/sbin", tool))) continue;
    await symlink("busybox", join(root, dirname(program), tool));
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
