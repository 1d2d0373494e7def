import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Log } from "../../ports/log.ts";
import { replaceFile } from "../files/replace-file.ts";
import { hostArchives } from "./host-archives.ts";
import { type Archive, candidateSuites, mainArchive, parseRelease } from "./release.ts";
import { runCommand } from "./run-command.ts";

/**
 * Debian packages by name, taken from the archive the host itself uses without changing what is installed on the host.
 * The packages come from the newest suite that has them, together with everything they depend on.
 */
export interface PackageSource {
  /**
   * Unpacks the packages and what they need into a folder (which may hold others already). Downloads only what the
   * cache does not hold; with everything cached it uses no network.
   *
   * @throws OrlopError Unsupported when the host is not Debian or Ubuntu, Unavailable when the archive can not be reached
   */
  unpack(request: UnpackRequest): Promise<void>;
}

export interface UnpackRequest {
  readonly packages: readonly string[];
  readonly into: string;
  /** Unpack only packages whose name this accepts. @default all */
  readonly only?: (name: string) => boolean;
  /** Looks at the versions a suite has before anything is downloaded; a reason to refuse them, or undefined. @default takes all */
  readonly refuse?: (versions: ReadonlyMap<string, string>) => string | undefined;
  readonly signal: AbortSignal;
}

export interface PackageSourceDeps {
  readonly log: Log;
}

export interface PackageSourceOptions {
  /** Downloaded packages and package lists; shared by all data directories. */
  readonly cacheFolder: string;
  /** @default "/etc" */
  readonly etcFolder?: string;
}

export function createPackageSource(deps: PackageSourceDeps, options: PackageSourceOptions): PackageSource {
  const apt = join(options.cacheFolder, "apt");
  const etc = options.etcFolder ?? "/etc";

  return {
    unpack: async ({ packages, into, only, refuse, signal }) => {
      const wanted = packages.toSorted();
      const files = (await remembered(apt, wanted)) ?? (await download({ packages: wanted, refuse, signal }));
      const chosen = only === undefined ? files : files.filter((file) => only(packageName(file)));
      await prepareRoot(into);
      await inParallel(chosen, async (file) => {
        await runCommand("dpkg-deb", ["--extract", file, into], { signal });
      });
    },
  };

  async function download(request: {
    readonly packages: readonly string[];
    readonly refuse: UnpackRequest["refuse"];
    readonly signal: AbortSignal;
  }): Promise<readonly string[]> {
    const { packages, refuse, signal } = request;
    const release = parseRelease(await readFile(join(etc, "os-release"), "utf8").catch(() => ""));
    if (!release.ok) {
      throw new OrlopError(
        "Unsupported",
        `cannot install packages on ${release.reason}: this works on Debian and Ubuntu; elsewhere install containerd >= 2.0 and runc >= 1.2 and pass --container-runtime-endpoint`,
      );
    }
    const archive = mainArchive(release.value, await hostArchives(etc));
    if (archive === undefined) {
      throw new OrlopError(
        "Unsupported",
        `found no package archive of ${release.value.family} ${release.value.codename} in ${etc}/apt/sources.list or sources.list.d: name one there`,
      );
    }
    let last: unknown;
    for (const suite of candidateSuites(release.value)) {
      try {
        return await fetchFrom({ archive, suite, family: release.value.family, packages, refuse, signal });
      } catch (cause) {
        if (signal.aborted) throw cause;
        deps.log.debug("a suite did not give the packages", { suite, error: messageOf(cause) });
        last = cause;
      }
    }
    throw new OrlopError(
      "Unavailable",
      `cannot download ${packages.join(", ")} from ${archive.uri}: ${aptReason(last)}; check the network, or install containerd >= 2.0 and runc >= 1.2 and pass --container-runtime-endpoint`,
      { cause: last },
    );
  }

  async function fetchFrom(from: {
    archive: Archive;
    suite: string;
    family: "debian" | "ubuntu";
    packages: readonly string[];
    refuse: UnpackRequest["refuse"];
    signal: AbortSignal;
  }): Promise<readonly string[]> {
    const { suite, packages, refuse, signal } = from;
    const folder = join(apt, suite);
    await mkdir(join(folder, "lists", "partial"), { recursive: true });
    await mkdir(join(apt, "archives", "partial"), { recursive: true });
    await mkdir(join(folder, "sources"), { recursive: true });
    await writeFile(join(folder, "sources", "orlop.sources"), sourcesFile(from.archive, suite, from.family));
    await writeFile(join(folder, "no-status"), "");
    const config = join(folder, "apt.conf");
    await writeFile(config, aptConfig(apt, folder, await acquireSettings(signal)));
    const env = { ...process.env, APT_CONFIG: config, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
    // One apt at a time per cache: a second one would fail on apt's own lock instead of waiting.
    const lock = join(apt, "lock");
    const run = async (...parameters: string[]) =>
      runCommand("flock", ["--no-fork", lock, "apt-get", "-qq", ...parameters], { signal, env });
    const install = ["install", "--yes", "--no-install-recommends"];

    const update = async (): Promise<void> => {
      deps.log.info("reading the package list", { archive: from.archive.uri, suite });
      await run("update", "--error-on=any");
    };
    const plan = async (): Promise<readonly string[]> => {
      const nowhere = ["--option", "Dir::Cache::archives=/nonexistent"];
      const { stdout } = await run(...install, "--print-uris", ...nowhere, ...packages);
      return plannedFiles(stdout).map((name) => join(apt, "archives", name));
    };
    const fresh = !(await hasLists(folder));
    if (fresh) await update();
    let files = await plan();
    const reason = refuse?.(new Map(files.map((file) => [packageName(file), packageVersion(file)])));
    if (reason !== undefined) throw new OrlopError("Unsupported", `${suite} has ${reason}`);
    deps.log.info("downloading packages", { packages: packages.join(" "), suite });
    try {
      await run(...install, "--download-only", ...packages);
    } catch (cause) {
      if (signal.aborted || fresh) throw cause;
      // The archive moved on since the list was read: read it again, once.
      await update();
      files = await plan();
      await run(...install, "--download-only", ...packages);
    }
    await remember(apt, packages, files);
    return files;
  }
}

/** What apt says went wrong, without how it was called. */
function aptReason(cause: unknown): string {
  return messageOf(cause).replace(/^.* failed with exit code \d+: (?:E: )?/, "");
}

/** The file names in the output of `apt-get --print-uris`: 'uri' name size hash. */
export function plannedFiles(output: string): readonly string[] {
  return output.split("\n").flatMap((line) => /^'[^']+' (\S+\.deb) \d+/.exec(line)?.[1] ?? []);
}

/** The package a downloaded file belongs to: files are called name_version_architecture.deb. */
export function packageName(file: string): string {
  return basename(file).split("_")[0] ?? "";
}

/** Its version, without the epoch. */
export function packageVersion(file: string): string {
  return decodeURIComponent(basename(file).split("_")[1] ?? "").replace(/^\d+:/, "");
}

function sourcesFile(archive: Archive, suite: string, family: "debian" | "ubuntu"): string {
  return [
    "Types: deb",
    `URIs: ${archive.uri}`,
    `Suites: ${suite}`,
    `Components: ${family === "debian" ? "main" : "main universe"}`,
    ...(archive.signedBy === undefined ? [] : [`Signed-By: ${archive.signedBy}`]),
    ...(archive.trusted ? ["Trusted: yes"] : []),
    "",
  ].join("\n");
}

/** Proxies, time-outs and the like that the host's apt is configured with; not which index files it fetches. */
async function acquireSettings(signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await runCommand("apt-config", ["dump"], { signal });
  return stdout
    .split("\n")
    .filter(
      (line) =>
        line.startsWith("Acquire::") && !/^Acquire::(IndexTargets|Languages|GzipIndexes|CompressionTypes)/.test(line),
    );
}

function aptConfig(apt: string, folder: string, acquire: readonly string[]): string {
  return [
    ...acquire,
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::parts "/dev/null";',
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts "${folder}/sources";`,
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    `Dir::State::lists "${folder}/lists";`,
    `Dir::State::status "${folder}/no-status";`,
    `Dir::State::extended_states "${folder}/extended_states";`,
    `Dir::Cache "${folder}";`,
    `Dir::Cache::archives "${apt}/archives";`,
    'Dir::Log "/dev/null";',
    'APT::Sandbox::User "root";',
    'APT::Keep-Downloaded-Packages "true";',
    'Acquire::Languages "none";',
    'Acquire::GzipIndexes "true";',
    'Acquire::Retries "2";',
    "",
  ].join("\n");
}

async function hasLists(folder: string): Promise<boolean> {
  const names = await readdir(join(folder, "lists")).catch(() => []);
  return names.some((name) => /_Packages(\.|$)/.test(name));
}

interface Closure {
  readonly packages: readonly string[];
  readonly files: readonly string[];
}

function closureFile(apt: string, packages: readonly string[]): string {
  return join(apt, `closure-${createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 16)}.json`);
}

async function remembered(apt: string, packages: readonly string[]): Promise<readonly string[] | undefined> {
  try {
    const { files } = JSON.parse(await readFile(closureFile(apt, packages), "utf8")) as Closure;
    await Promise.all(files.map(async (file) => access(join(apt, "archives", file))));
    return files.map((file) => join(apt, "archives", file));
  } catch {
    return undefined;
  }
}

async function remember(apt: string, packages: readonly string[], files: readonly string[]): Promise<void> {
  const closure: Closure = { packages, files: files.map((file) => basename(file)) };
  await replaceFile(closureFile(apt, packages), JSON.stringify(closure), { mode: 0o644 });
}

/** Newer packages put everything below /usr, older ones below / as well: with these links both end in one place. */
async function prepareRoot(root: string): Promise<void> {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name)).catch((cause: unknown) => {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    });
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: Math.min(availableParallelism(), queue.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  await Promise.all(workers);
}
