import { cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { runCommand } from "../../../src/adapters/debian/run-command.ts";
import { DEFAULT_CACHE_FOLDER } from "../../../src/adapters/runtime/start-private-runtime.ts";
import { kubectlPath } from "../../e2e/harness/kubectl.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const GUEST = resolve(import.meta.dirname, "../guest");
const SIZE = "4G";

/** What the guest shall do; it reads this as /data/orders.json. */
export interface Orders {
  /** Names of scenarios, done in this order. */
  readonly scenarios: readonly string[];
}

/**
 * The disk with what is under test: the bundle, the container runtime and images as `orlop up` and `make images` put them
 * into this host's cache, the guest's own program, a real kubectl.
 */
export async function dataDisk(workFolder: string, orders: Orders): Promise<string> {
  const tree = join(workFolder, "data");
  const disk = join(workFolder, "data.img");
  await mkdir(join(tree, "cache/runtime"), { recursive: true });
  await runCommand(join(ROOT, "orlop"), ["version"]);
  await cp(join(ROOT, "dist"), join(tree, "dist"), { recursive: true });
  for (const name of await packagesNeeded("lmdb")) {
    await cp(join(ROOT, "node_modules", name), join(tree, "node_modules", name), { recursive: true });
  }
  await takeFromCache("images", tree, 'run "make images"');
  await takeFromCache("runtime", tree, 'run "orlop up" once on this host');
  await cp(await kubectlPath("1.36"), join(tree, "bin/kubectl"));
  await cp(join(GUEST, "start"), join(tree, "start"));
  await build({
    absWorkingDir: ROOT,
    entryPoints: [join(GUEST, "main.ts")],
    outfile: join(tree, "guest.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "warning",
    banner: {
      js: 'import{createRequire as orlopRequire}from"node:module";const require=orlopRequire(import.meta.url);',
    },
  });
  await writeFile(join(tree, "orders.json"), JSON.stringify(orders));
  await runCommand("mke2fs", ["-q", "-t", "ext4", "-d", tree, disk, SIZE]);
  await rm(tree, { recursive: true, force: true });
  return disk;
}

async function takeFromCache(name: string, tree: string, advice: string): Promise<void> {
  const source = join(DEFAULT_CACHE_FOLDER, name);
  if ((await stat(source).catch(() => undefined)) === undefined) throw new Error(`${source} is missing: ${advice}`);
  await runCommand("cp", ["--archive", source, join(tree, "cache")]);
}

/** A package and everything it depends on. */
async function packagesNeeded(...names: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const text = await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8").catch(() => undefined);
    if (text === undefined || found.has(name)) continue;
    found.add(name);
    const about = JSON.parse(text) as Readonly<Record<"dependencies" | "optionalDependencies", object | undefined>>;
    open.push(...Object.keys({ ...about.dependencies, ...about.optionalDependencies }));
  }
  return [...found];
}
