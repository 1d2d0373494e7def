import { describe, expect, it } from "vitest";
import type { PodSpec } from "../../api/types.ts";
import { podOf } from "./pods-for-tests.ts";
import { admitSysctls, unsafeSysctlsProblem } from "./sysctl-rules.ts";

function verdictOn(name: string, allowed: readonly string[] = [], spec: Partial<PodSpec> = {}, kernel = 6): string {
  const pod = podOf({ ...spec, securityContext: { sysctls: [{ name, value: "1" }] } });
  const verdict = admitSysctls(pod, allowed, ([major]) => kernel >= major);
  return verdict.admitted ? "admitted" : `${verdict.reason}: ${verdict.message}`;
}

describe("admitSysctls()", () => {
  it.each([
    ["a pod without sysctls has nothing to ask", admitSysctls(podOf(), [], () => true).admitted, true],
    ["a safe one", verdictOn("net.ipv4.tcp_syncookies"), "admitted"],
    ["a safe one with slashes", verdictOn("net/ipv4/tcp_syncookies"), "admitted"],
    ["an unsafe one", verdictOn("kernel.msgmax"), 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted'],
    [
      "one of the host",
      verdictOn("vm.swappiness"),
      'SysctlForbidden: forbidden sysctl: "vm.swappiness" not allowlisted',
    ],
    ["an allowed name", verdictOn("kernel.msgmax", ["kernel.msgmax"]), "admitted"],
    ["an allowed beginning", verdictOn("kernel.msgmax", ["kernel.msg*"]), "admitted"],
    [
      "a name is not a beginning",
      verdictOn("kernel.msgmaxx", ["kernel.msgmax"]),
      'SysctlForbidden: forbidden sysctl: "kernel.msgmaxx" not allowlisted',
    ],
    [
      "the network of the host",
      verdictOn("net.ipv4.tcp_syncookies", [], { hostNetwork: true }),
      'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
    ],
    [
      "the IPC of the host",
      verdictOn("kernel.shm_rmid_forced", [], { hostIPC: true }),
      'SysctlForbidden: forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
    ],
    [
      "a kernel that has it for all namespaces at once",
      verdictOn("net.ipv4.tcp_rmem", [], {}, 3),
      'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_rmem" not allowlisted',
    ],
  ])("%s", (_title, found, expected) => {
    expect(found).toBe(expected);
  });
});

describe("unsafeSysctlsProblem()", () => {
  it.each([
    [["kernel.msg*", "net.core.somaxconn", "kernel.sem", "net/ipv4/conf/eno2.100/forwarding"], undefined],
    [["vm.swappiness"], 'the sysctls "vm.swappiness" are not known to be namespaced'],
    [["*"], 'the sysctls "" are not known to be namespaced'],
    [["kernel.*msg"], 'sysctl "kernel.*msg" is neither a name nor a name that ends in "*"'],
    [[""], 'sysctl "" is neither a name nor a name that ends in "*"'],
  ])("%j", (patterns, expected) => {
    expect(unsafeSysctlsProblem(patterns)).toBe(expected);
  });
});
