import { setMaxListeners } from "node:events";
import { OrlopError, messageOf } from "../lib/orlop-error.ts";
import { runProgram } from "../cli/program.ts";

// One stop signal reaches every part of the process, which is more than the ten listeners Node takes for a leak.
setMaxListeners(1_000);

/** Each command is loaded only when it runs: `orlop version` must not pay for a kubelet. */
const exitCode = await runProgram(
  process.argv.slice(2),
  {
    up: async (options) => (await import("./up.ts")).up(options),
    down: async (options) => (await import("./down.ts")).down(options),
    apiserver: async (options) => (await import("./apiserver.ts")).apiserver(options),
    kubelet: async (options) => (await import("./kubelet.ts")).kubelet(options),
    controllerManager: async (options) => (await import("./controller-manager.ts")).controllerManager(options),
    csiDriver: async (options) => (await import("./csi-driver.ts")).csiDriver(options),
    auditKubelet: async (options) => (await import("./audit.ts")).auditKubelet(options),
    collect: async (options) => (await import("./collect.ts")).collect(options),
    policy: async (options) => (await import("./policy.ts")).policy(options),
    selinuxConflicts: async (options) => (await import("./selinux.ts")).selinuxConflicts(options),
    selinuxGate: async (options) => (await import("./selinux.ts")).selinuxGate(options),
    selinuxOptOut: async (options) => (await import("./selinux.ts")).selinuxOptOut(options),
  },
  {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    // As a plugin it is called "kubectl orlop", and its help says so.
    ...(process.env["ORLOP_CALLED_AS"] !== undefined && { name: process.env["ORLOP_CALLED_AS"] }),
  },
).catch((reason: unknown) => {
  process.stderr.write(`orlop: ${messageOf(reason)}\n`);
  if (!(reason instanceof OrlopError) && process.env["ORLOP_DEBUG"] !== undefined && reason instanceof Error) {
    process.stderr.write(`${reason.stack ?? ""}\n`);
  }
  return reason instanceof OrlopError && reason.code === "Invalid" ? 2 : 1;
});
process.exit(exitCode);
