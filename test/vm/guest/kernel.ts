import { readFile } from "node:fs/promises";
import { output } from "./commands.ts";

/** The label of the process, without the zero byte. */
export async function labelOfProcess(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/attr/current`, "utf8")).replace(/\0$/, "").trim();
}

/** The label a file has for the kernel. Not with `ls -Z`: it asks for a list of attributes first, where a mount's label is not in. */
export async function labelOfFile(path: string): Promise<string> {
  const text = await output("getfattr", "--absolute-names", "--only-values", "-n", "security.selinux", path);
  return text.replace(/\0$/, "");
}

/** The super block options of what is mounted at exactly this path, as the kernel prints them; undefined when nothing is. */
export async function superOptionsAt(path: string): Promise<string | undefined> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" "));
  const line = lines.findLast((fields) => fields[4] === path);
  return line?.slice(line.indexOf("-") + 3).join(" ");
}

/** Lines of the kernel's log that contain the text. */
export async function kernelLog(text: string): Promise<readonly string[]> {
  return (await output("dmesg")).split("\n").filter((line) => line.includes(text));
}

/** The first process whose command line is `sleep 86400` in the control group of the pod. */
export async function processOfPod(uid: string): Promise<number> {
  const lines = (await output("ps", "-eo", "pid=,args=")).split("\n").filter((line) => line.includes("sleep 86400"));
  for (const line of lines) {
    const pid = Number(line.trim().split(" ")[0]);
    const group = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
    if (group.includes(uid) || group.includes(uid.replaceAll("-", "_"))) return pid;
  }
  throw new Error(`no process of pod ${uid} was found`);
}
