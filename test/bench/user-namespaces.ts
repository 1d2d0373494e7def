import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createMappingDirectory } from "../../src/adapters/userns/mapping-directory.ts";
import { createIdPool } from "../../src/core/userns/id-pool.ts";
import { formatMappingFile } from "../../src/core/userns/mapping-file.ts";
import { createUserNamespaces } from "../../src/kubelet/userns/user-namespaces.ts";
import { quietLog } from "../../src/testing/quiet.ts";
import { pods } from "./pods.ts";
import { percentile, table } from "./statistics.ts";

const run = promisify(execFile);
const BLOCK = 65536;
const SIGNAL = AbortSignal.timeout(3_600_000);

/** Pods with and without users of their own, volumes of many files, and the pool of IDs. */
export async function userNamespaces(): Promise<string> {
  return [
    "hostUsers: true",
    await pods({ hostUsers: true }),
    "hostUsers: false",
    await pods({ hostUsers: false }),
    await userNamespaceParts(),
  ].join("\n\n");
}

/** What needs no cluster of it. */
export async function userNamespaceParts(): Promise<string> {
  return ["volume set-up, ms", await volumes(), "pool of IDs", await ranges()].join("\n\n");
}

/** An ID-mapped bind mount, as the runtime makes it, against a change of every file's owner. */
async function volumes(): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const files of [10, 10_000, 100_000]) {
    const folder = await mkdtemp(join(tmpdir(), "orlop-bench-"));
    try {
      const volume = join(folder, "volume");
      const target = join(folder, "target");
      await mkdir(volume);
      await mkdir(target);
      for (let index = 0; index < files; index += 500) {
        const names = Array.from({ length: Math.min(500, files - index) }, (_, at) => join(volume, `${index + at}`));
        await Promise.all(names.map((name) => writeFile(name, "")));
      }
      const mapped = await idMappedMount(volume, target);
      const began = performance.now();
      await run("chown", ["-R", `${2 * BLOCK}:${2 * BLOCK}`, volume]);
      rows.push([files, mapped ?? "this host's mount(8) can not", Math.round(performance.now() - began)]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return table(["files", "ID-mapped mount", "chown -R"], rows);
}

/** Milliseconds of the system calls alone; undefined when they can not be made here. */
async function idMappedMount(source: string, target: string): Promise<string | undefined> {
  try {
    const { stdout } = await run("perl", ["-e", ID_MAPPED_MOUNT, source, target], { timeout: 30_000 });
    return stdout.trim();
  } catch {
    return undefined;
  } finally {
    await run("umount", [target]).catch(() => undefined);
  }
}

/** open_tree, mount_setattr with MOUNT_ATTR_IDMAP and move_mount, timed; perl can make system calls by number (x86-64 and arm64 agree). */
const ID_MAPPED_MOUNT = `
use strict; use Time::HiRes qw(time);
my ($source, $target) = @ARGV;
pipe(my $ready_r, my $ready_w); pipe(my $end_r, my $end_w);
my $unshare = $^O eq "linux" && \`uname -m\` =~ /aarch64/ ? 97 : 272;
my $pid = fork();
if (!$pid) { syscall($unshare, 0x10000000); syswrite($ready_w, "x"); sysread($end_r, my $b, 1); exit 0; }
sysread($ready_r, my $b, 1);
for my $map ("uid_map", "gid_map") { open(my $f, ">", "/proc/$pid/$map") or die; syswrite($f, "0 131072 65536\\n") or die; close $f; }
open(my $ns, "<", "/proc/$pid/ns/user") or die;
my $began = time();
my $tree = syscall(428, -100, $source, 1 | 02000000); die "open_tree" if $tree < 0;
my $attr = pack("QQQQ", 0x00100000, 0, 0, fileno($ns));
my $empty = "";
syscall(442, $tree, $empty, 0x1000, $attr, length $attr) == 0 or die "mount_setattr $!";
syscall(429, $tree, $empty, -100, $target, 4) == 0 or die "move_mount $!";
printf "%.2f\\n", (time() - $began) * 1000;
syswrite($end_w, "x"); waitpid($pid, 0);
`;

async function ranges(): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const count of [1_000, 60_000]) {
    const folder = await mkdtemp(join(tmpdir(), "orlop-bench-"));
    try {
      rows.push([count, ...(await poolOf(folder, count))]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return table(["ranges held", "allocate in memory p50 us", "allocate and write p50 ms", "restore from disk ms"], rows);
}

async function poolOf(folder: string, count: number): Promise<readonly (string | number)[]> {
  const geometry = { firstId: BLOCK, length: 65_534 * BLOCK, idsPerPod: BLOCK, blocks: 65_534 };
  const filled = createIdPool(geometry);
  const allocations: number[] = [];
  for (let index = 0; index < count; index++) {
    const began = performance.now();
    filled.allocate(`pod-${index}`, Math.random());
    allocations.push((performance.now() - began) * 1_000);
  }
  const store = createMappingDirectory(folder);
  for (const uid of filled.holders()) {
    const range = filled.rangeOf(uid);
    if (range === undefined) continue;
    // Not through the store: its promise to be on disk is what makes the other column slow.
    await mkdir(join(folder, uid));
    await writeFile(join(folder, uid, "userns"), formatMappingFile(range));
  }
  const namespaces = createUserNamespaces(
    {
      pool: createIdPool(geometry),
      store,
      random: { bytes: (length) => new Uint8Array(length), uuid: () => "", fraction: Math.random },
      log: quietLog(),
      handlers: async () => [{ name: "", userNamespaces: true }],
      liveRange: async () => "none",
    },
    { gateEnabled: true },
  );
  const began = performance.now();
  await namespaces.restore(SIGNAL);
  const restored = performance.now() - began;
  if (namespaces.counts().used !== count) throw new Error(`restored ${namespaces.counts().used} of ${count} ranges`);
  const writes: number[] = [];
  for (let index = 0; index < 100; index++) {
    const start = performance.now();
    await namespaces.mappingFor(
      { metadata: { uid: `new-${index}` }, spec: { containers: [], hostUsers: false } },
      "",
      SIGNAL,
    );
    writes.push(performance.now() - start);
  }
  return [percentile(allocations, 0.5).toFixed(1), percentile(writes, 0.5).toFixed(2), Math.round(restored)];
}
