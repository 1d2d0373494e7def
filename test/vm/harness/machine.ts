import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { baseImage, type BaseImage } from "./base-image.ts";
import { dataDisk, type Orders } from "./data-disk.ts";
import type { Report, ScenarioReport } from "./reports.ts";

const CACHE = resolve(import.meta.dirname, "../../../.cache/vm");

export interface MachineOptions extends Orders {
  /** Milliseconds until the machine is switched off. */
  readonly timeoutMs: number;
  readonly say?: (text: string) => void;
}

export interface MachineRun {
  readonly scenarios: ReadonlyMap<string, ScenarioReport>;
  /** Whether the guest came to its end by itself. */
  readonly ended: boolean;
  /** Last lines of the serial console. */
  readonly console: string;
}

/** Why no machine can run on this host, or undefined. */
export function machineProblem(): string | undefined {
  if (process.arch !== "x64") return `the machine is an x86-64, this host is ${process.arch}`;
  if (process.getuid?.() !== 0) return "building the machine's disk needs root";
  return undefined;
}

/**
 * Boots a Debian machine with SELinux enforcing, lets it do its orders, and returns what it reported. The machine has no
 * network and writes nothing outside a temporary folder. Software emulation: it works everywhere, and slowly.
 */
export async function runMachine(options: MachineOptions): Promise<MachineRun> {
  const say = options.say ?? (() => undefined);
  const work = await mkdtemp(join(tmpdir(), "orlop-vm-"));
  try {
    const image = await baseImage(CACHE, say);
    let disk = await dataDisk(work, { scenarios: options.scenarios });
    let run = await boot(image, disk, join(work, "console"), options);
    const left = options.scenarios.filter((name) => !run.scenarios.has(name));
    if (run.ended || left.length === 0) return run;
    // The emulation itself can kill a kernel. Once only: a machine that dies again has a reason.
    say(
      `the machine died before ${left.join(", ")}; another one does the rest. Its last words:\n${run.console.slice(-2000)}`,
    );
    disk = await dataDisk(work, { scenarios: left });
    const second = await boot(image, disk, join(work, "console"), options);
    run = { ...second, scenarios: new Map([...run.scenarios, ...second.scenarios]) };
    return run;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function boot(image: BaseImage, disk: string, console: string, options: MachineOptions): Promise<MachineRun> {
  // With its input at an end qemu takes the port as closed, and the guest's reports wait for ever: it stays open.
  const child = spawn("qemu-system-x86_64", qemuFlags(image, disk, console), { stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs);
  const stopWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", stopWithUs);
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-10_000);
  });
  const scenarios = new Map<string, ScenarioReport>();
  let ended = false;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const report = parseReport(line);
      if (report?.type === "said") options.say?.(report.text);
      if (report?.type === "scenario") {
        scenarios.set(report.name, report);
        const outcome = report.error === undefined ? "done" : `FAILED: ${report.error.split("\n--- the log")[0]}`;
        options.say?.(`${report.name} (${report.seconds.toFixed(1)} s): ${outcome}`);
      }
      if (report?.type === "end") ended = true;
    }
    await exited;
  } finally {
    clearTimeout(timer);
    process.off("exit", stopWithUs);
    child.kill("SIGKILL");
  }
  const text = await readFile(console, "utf8").catch(() => "");
  return { scenarios, ended, console: `${text.slice(-20_000)}${complaints}` };
}

function qemuFlags(image: BaseImage, disk: string, console: string): readonly string[] {
  const drive = (file: string): string => `file=${file},format=raw,if=virtio,snapshot=on,cache=unsafe`;
  return [
    ...["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072"],
    ...["-display", "none", "-no-reboot", "-nic", "none", "-monitor", "none"],
    ...["-kernel", image.kernel, "-initrd", image.initrd],
    ...["-drive", drive(image.disk), "-drive", drive(disk)],
    ...["-serial", `file:${console}`],
    ...["-device", "virtio-serial-pci", "-chardev", "stdio,id=reports,signal=off"],
    ...["-device", "virtserialport,chardev=reports,name=orlop.reports"],
    "-append",
    "console=ttyS0 security=selinux selinux=1 lsm=selinux quiet panic=1 mitigations=off log_buf_len=8M root=/dev/vda rw init=/init",
  ];
}

function parseReport(line: string): Report | undefined {
  try {
    return JSON.parse(line) as Report;
  } catch {
    return undefined;
  }
}
