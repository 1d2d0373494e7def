import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OrlopError } from "../../lib/orlop-error.ts";
import { runProgram } from "../linux/run-program.ts";

export interface LoopDevice {
  /** "/dev/loop3" */
  readonly device: string;
  /** major:minor, as in mountinfo. */
  readonly number: string;
  readonly backingFile: string;
}

/** The kernel's loop devices. It alone knows which file is attached where, so it is asked each time. */
export interface LoopDevices {
  list(): Promise<readonly LoopDevice[]>;
  /** Attaches a file, or finds the device it is attached to. */
  attach(file: string, signal: AbortSignal): Promise<LoopDevice>;
  /** Lets the kernel free the device: now, or when it is unmounted if it is in use. A device that is gone is fine. */
  detach(device: string, signal: AbortSignal): Promise<void>;
  /** Makes the device as large as its file. */
  refreshSize(device: string, signal: AbortSignal): Promise<void>;
}

const BLOCK_DEVICES = "/sys/block";

export function createLoopDevices(): LoopDevices {
  async function list(): Promise<readonly LoopDevice[]> {
    const names = (await readdir(BLOCK_DEVICES)).filter((name) => /^loop\d+$/.test(name));
    const found: LoopDevice[] = [];
    for (const name of names) {
      const read = (file: string): Promise<string> => readFile(join(BLOCK_DEVICES, name, file), "utf8").catch(() => "");
      // Absent while nothing is attached.
      const backingFile = (await read("loop/backing_file")).replace(/\n$/, "");
      const number = (await read("dev")).trim();
      if (backingFile !== "" && number !== "") found.push({ device: `/dev/${name}`, number, backingFile });
    }
    return found;
  }

  async function losetup(signal: AbortSignal, ...parameters: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runProgram("losetup", parameters, signal);
    if (exitCode === 0) return stdout.trim();
    throw new OrlopError("Internal", `losetup ${parameters.join(" ")} failed: ${stderr.trim() || `exit ${exitCode}`}`, {
      retry: "backoff",
    });
  }

  return {
    list,
    async attach(file, signal) {
      const device = await losetup(signal, "--find", "--show", "--nooverlap", "--", file);
      const attached = (await list()).find((one) => one.device === device);
      if (attached !== undefined) return attached;
      throw new OrlopError("Unavailable", `${file} was attached to ${device}, where it is not found any more`);
    },
    async detach(device, signal) {
      try {
        await losetup(signal, "--detach", device);
      } catch (reason) {
        if ((await list()).some((one) => one.device === device)) throw reason;
      }
    },
    async refreshSize(device, signal) {
      await losetup(signal, "--set-capacity", device);
    },
  };
}
