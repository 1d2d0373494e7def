import { access, readFile } from "node:fs/promises";
import { OrlopError } from "../lib/orlop-error.ts";

/** Throws with one sentence when this machine can not carry what is about to start. */
export async function checkMachine(needs: { readonly node: boolean; readonly command: string }): Promise<void> {
  if (process.platform !== "linux") {
    throw new OrlopError("Unsupported", `"${needs.command}" needs Linux, here is ${process.platform}`);
  }
  if (!needs.node) return;
  if (process.geteuid?.() !== 0) {
    throw new OrlopError(
      "Forbidden",
      `"${needs.command}" needs root to run containers: run it with sudo, or with --no-node for the control plane alone`,
    );
  }
  const mounts = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  if (!/ - cgroup2? /.test(mounts)) {
    throw new OrlopError(
      "Unsupported",
      `"${needs.command}" needs control groups and none are mounted: mount cgroup2 on /sys/fs/cgroup, or use --no-node`,
    );
  }
  await access("/proc/self/ns/net").catch(() => {
    throw new OrlopError("Unsupported", `"${needs.command}" needs network namespaces, which this kernel does not have`);
  });
}
