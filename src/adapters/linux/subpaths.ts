import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join, relative as relativePath, sep } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostMounts, VolumeSubpaths } from "../../ports/host-mounts.ts";

/** O_PATH is not among Node's constants; the value is the same on all architectures Node supports on Linux. */
const O_PATH = 0o10000000;
const OPEN_DIRECTORY = O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY;
const OPEN_ANYTHING = O_PATH | constants.O_NOFOLLOW;
const TARGET_DIRECTORY_MODE = 0o750;
const TARGET_FILE_MODE = 0o640;
const S_ISGID = 0o2000;

function isWithin(path: string, base: string): boolean {
  return path === base || path.startsWith(base === "/" ? "/" : `${base}${sep}`);
}

function outside(relative: string, base: string): OrlopError {
  return new OrlopError(
    "Invalid",
    `subpath ${JSON.stringify(relative)} not within volume path ${JSON.stringify(base)}`,
  );
}

function hasCode(reason: unknown, code: string): boolean {
  return typeof reason === "object" && reason !== null && "code" in reason && reason.code === code;
}

/** Path of an open descriptor, for calls that take paths: nobody can swap what it refers to. */
function held(handle: fs.FileHandle): string {
  return `/proc/${process.pid}/fd/${handle.fd}`;
}

/** subPath work on this host. See VolumeSubpaths for what it promises. */
export function createLinuxSubpaths(mounts: HostMounts): VolumeSubpaths {
  return {
    makeDirectories,
    bind: (base, relative, target, signal) => bind(mounts, base, relative, target, signal),
  };
}

/** Opens `path`, which must have no link in it, one component after the other, starting at `base`. */
async function walk(base: string, path: string, last: number): Promise<fs.FileHandle> {
  const names = relativePath(base, path)
    .split(sep)
    .filter((name) => name !== "");
  let current = await fs.open(base, OPEN_DIRECTORY);
  for (const [index, name] of names.entries()) {
    const flags = index === names.length - 1 ? last : OPEN_DIRECTORY;
    let next: fs.FileHandle;
    try {
      next = await fs.open(join(held(current), name), flags);
    } finally {
      await current.close();
    }
    current = next;
    // O_PATH with O_NOFOLLOW opens a link itself instead of failing.
    if ((await current.stat()).isSymbolicLink()) {
      await current.close();
      throw new OrlopError(
        "Invalid",
        `${join(base, ...names.slice(0, index + 1))} became a symbolic link while it was opened`,
      );
    }
  }
  return current;
}

async function makeDirectories(base: string, relative: string, mode: number): Promise<void> {
  const realBase = await fs.realpath(base);
  const wanted = join(realBase, relative);
  if (!isWithin(wanted, realBase)) throw outside(relative, base);
  const existing = await existingPart(wanted);
  if (!isWithin(existing.real, realBase)) throw outside(relative, base);
  if (existing.missing.length === 0) return;
  let current = await walk(realBase, existing.real, OPEN_DIRECTORY);
  try {
    for (const name of existing.missing) {
      const path = join(held(current), name);
      await fs.mkdir(path).catch((reason: unknown) => {
        if (!hasCode(reason, "EEXIST")) throw reason;
      });
      const next = await fs.open(path, OPEN_DIRECTORY);
      await current.close();
      current = next;
      await setMode(current, mode);
    }
  } finally {
    await current.close();
  }
}

/** mkdir obeys the umask, so the mode is set afterwards; a setgid bit inherited from the parent stays. */
async function setMode(handle: fs.FileHandle, mode: number): Promise<void> {
  const inherited = (await handle.stat()).mode & S_ISGID;
  await fs.chmod(held(handle), mode | inherited);
}

async function existingPart(path: string): Promise<{ readonly real: string; readonly missing: readonly string[] }> {
  const missing: string[] = [];
  for (let current = path; ; current = dirname(current)) {
    try {
      return { real: await fs.realpath(current), missing };
    } catch (reason) {
      if (!hasCode(reason, "ENOENT") || current === "/") throw reason;
      // A dangling link would be created through: refuse.
      const information = await fs.lstat(current).catch(() => undefined);
      if (information !== undefined)
        throw new OrlopError("Invalid", `${current} is a symbolic link that leads nowhere`);
      missing.unshift(basename(current));
    }
  }
}

async function bind(
  mounts: HostMounts,
  base: string,
  relative: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const realBase = await fs.realpath(base);
  const real = await fs.realpath(join(realBase, relative)).catch((reason: unknown) => {
    if (hasCode(reason, "ENOENT")) {
      throw new OrlopError("NotFound", `subpath ${JSON.stringify(relative)} does not exist in ${base}`, {
        retry: "backoff",
      });
    }
    throw reason;
  });
  if (!isWithin(real, realBase)) throw outside(relative, base);
  const source = await walk(realBase, real, OPEN_ANYTHING);
  try {
    const wanted = await source.stat();
    const present = (await mounts.list(signal)).some((entry) => entry.target === target);
    if (present) {
      const mounted = await fs.stat(target).catch(() => undefined);
      if (mounted?.ino === wanted.ino && mounted.dev === wanted.dev) return;
      await mounts.unmount(target, signal);
    }
    await prepareTarget(target, wanted.isDirectory());
    await mounts.mount({ source: held(source), target, options: ["bind"] }, signal);
  } finally {
    await source.close();
  }
}

async function prepareTarget(target: string, directory: boolean): Promise<void> {
  await fs.mkdir(dirname(target), { recursive: true, mode: TARGET_DIRECTORY_MODE });
  const present = await fs.lstat(target).catch(() => undefined);
  if (present !== undefined && present.isDirectory() === directory) return;
  if (present !== undefined) await (present.isDirectory() ? fs.rmdir(target) : fs.unlink(target));
  if (directory) await fs.mkdir(target, { mode: TARGET_DIRECTORY_MODE });
  else await (await fs.open(target, "wx", TARGET_FILE_MODE)).close();
}
