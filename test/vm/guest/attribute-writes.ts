import { readFile, writeFile } from "node:fs/promises";
import { run } from "./commands.ts";

const TRACING = "/sys/kernel/tracing";
/** Where the system call's first two arguments are in the registers it is entered with (x86-64): a path and a name. */
const ARGUMENTS = "path=+0(+0x70($arg1)):ustring name=+0(+0x68($arg1)):ustring";
const PROBES = ["setxattr", "lsetxattr"].map((call) => `p:orlop/${call} __x64_sys_${call} ${ARGUMENTS}`);

/** Has the kernel write down every label that is written by path, by whomever; `end` gives the paths. */
export async function watchLabelWrites(): Promise<{ end(): Promise<readonly string[]> }> {
  await run("mount", "-t", "tracefs", "tracefs", TRACING);
  await writeFile(`${TRACING}/kprobe_events`, `${PROBES.join("\n")}\n`);
  await writeFile(`${TRACING}/trace`, "");
  await writeFile(`${TRACING}/events/orlop/enable`, "1");
  return {
    async end() {
      await writeFile(`${TRACING}/events/orlop/enable`, "0");
      const text = await readFile(`${TRACING}/trace`, "utf8");
      await writeFile(`${TRACING}/kprobe_events`, "");
      return [...text.matchAll(/path="([^"]*)" name="security\.selinux"/g)].map(([, path = ""]) => path);
    },
  };
}
