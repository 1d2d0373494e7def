import { readFile, writeFile } from "node:fs/promises";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { HostSELinux } from "../../ports/host-selinux.ts";
import { errnoOf } from "../files/failure.ts";
import { parseMountInfo } from "./mountinfo.ts";

const CONTAINERS_FILE = "/usr/share/containers/selinux/contexts";
const CONFIG_FILE = "/etc/selinux/config";

export interface LinuxSELinuxOptions {
  /** Put before every path, for tests. @default "" */
  readonly root?: string;
}

/** SELinux as the libraries of container runtimes see it: selinuxfs mounted for writing, and a label on this process. */
export function createLinuxSELinux({ root = "" }: LinuxSELinuxOptions = {}): HostSELinux {
  let filesystem: string | undefined;
  return {
    async read(signal) {
      filesystem = await findSelinuxfs(root, signal);
      if (filesystem === undefined) return { active: false };
      // Before a policy is loaded every process is just "kernel".
      const label = (await textOf(`${root}/proc/self/attr/current`, signal))?.replace(/[\0\n]+$/, "");
      if (label === undefined || label === "" || label === "kernel") return { active: false };
      return { active: true, contextsFile: await readContexts(root, signal) };
    },
    async isKnown(label, signal) {
      if (filesystem === undefined) return true;
      try {
        await writeFile(`${filesystem}/context`, `${label}\0`, { flag: "r+", signal });
        return true;
      } catch (cause) {
        if (errnoOf(cause) === "EINVAL") return false;
        throw new OrlopError("Unavailable", `cannot ask the SELinux policy about label ${label}`, { cause });
      }
    },
  };
}

async function findSelinuxfs(root: string, signal: AbortSignal): Promise<string | undefined> {
  const text = await textOf(`${root}/proc/self/mountinfo`, signal);
  const mount = parseMountInfo(text ?? "")?.find(
    ({ filesystem, options }) => filesystem === "selinuxfs" && options.includes("rw"),
  );
  return mount === undefined ? undefined : `${root}${mount.target}`;
}

async function readContexts(root: string, signal: AbortSignal): Promise<string | undefined> {
  const common = await textOf(`${root}${CONTAINERS_FILE}`, signal);
  if (common !== undefined) return common;
  const config = (await textOf(`${root}${CONFIG_FILE}`, signal)) ?? "";
  const policy = /^\s*SELINUXTYPE\s*=\s*(\S+)\s*$/m.exec(config)?.[1];
  return policy === undefined ? undefined : textOf(`${root}/etc/selinux/${policy}/contexts/lxc_contexts`, signal);
}

/** undefined when there is no such file. */
async function textOf(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await readFile(path, { encoding: "utf8", signal });
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "EINVAL"].includes(errnoOf(cause) ?? "")) return undefined;
    throw new OrlopError("Unavailable", `cannot tell about SELinux: reading ${path} failed`, { cause });
  }
}
