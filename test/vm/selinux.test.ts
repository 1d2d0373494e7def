import { beforeAll, describe, expect, it } from "vitest";
import type { Conflict, PrivilegedSharing } from "./guest/scenarios/conflict.ts";
import type { ContextMount } from "./guest/scenarios/context-mount.ts";
import type { GateOff } from "./guest/scenarios/gate-off.ts";
import { SCENARIOS } from "./guest/scenarios/index.ts";
import type { Iscsi } from "./guest/scenarios/iscsi.ts";
import type { KernelFacts, PlainPod } from "./guest/scenarios/machine.ts";
import type { Reconstruction } from "./guest/scenarios/reconstruction.ts";
import type { Relabelling } from "./guest/scenarios/relabelling.ts";
import type { SilentDrop } from "./guest/scenarios/silent-drop.ts";
import { machineProblem, type MachineRun, runMachine } from "./harness/machine.ts";

const MINUTE = 60_000;
/** As the kernel prints it: categories in ascending order. */
const contextOf = (categories: string): string => `context="system_u:object_r:container_file_t:s0:${categories}"`;

const problem = machineProblem();
if (problem !== undefined) process.stderr.write(`SELinux in a machine is not tested here: ${problem}\n`);

describe.skipIf(problem !== undefined)("a node with SELinux enforcing", () => {
  let machine: MachineRun;

  beforeAll(async () => {
    machine = await runMachine({
      scenarios: SCENARIOS.map(({ name }) => name),
      timeoutMs: 40 * MINUTE,
      say: (text) => process.stderr.write(`  machine: ${text}\n`),
    });
  }, 50 * MINUTE);

  /** What a scenario saw. */
  function seen<T>(name: string): T {
    const report = machine.scenarios.get(name);
    if (report === undefined) throw new Error(`the machine did not get as far as "${name}":\n${machine.console}`);
    if (report.error !== undefined) throw new Error(`"${name}" failed in the machine: ${report.error}`);
    return report.evidence as T;
  }

  it("has a kernel that enforces and takes a context as a mount option", () => {
    const facts = seen<KernelFacts>("kernel");
    expect(facts.mode).toBe("Enforcing");
    expect(facts.ownLabel).toBe("system_u:system_r:orlop_host_t:s0");
    expect(facts.options).toContain(contextOf("c10,c20"));
    expect(facts.options).not.toContain("seclabel");
    expect(facts.secondMount.code).not.toBe(0);
    expect(facts.secondMount.log.length).toBeGreaterThan(0);
  });

  it("runs a container as container_t with the categories of its pod", () => {
    expect(seen<PlainPod>("plain-pod").label).toBe("system_u:system_r:container_t:s0:c10,c20");
  });

  it("mounts a volume with the label of its pod, which reads and writes it", () => {
    const { options, process: label, own, kept } = seen<ContextMount>("context-mount");
    expect(options).toContain(contextOf("c10,c20"));
    expect(label).toBe("system_u:system_r:container_t:s0:c10,c20");
    expect(own).toEqual({ code: 0, text: "secret" });
    expect(kept).toBe("secret\n");
  });

  it("has the kernel keep out processes with other categories", () => {
    const { strangerReads, strangerWrites, twinReads } = seen<ContextMount>("context-mount");
    for (const attempt of [strangerReads, strangerWrites]) {
      expect(attempt.code).not.toBe(0);
      expect(attempt.text).toContain("Permission denied");
    }
    expect(twinReads).toEqual({ code: 0, text: "secret" });
  });

  it("writes no label of any file when it mounts with one", () => {
    const { withContext } = seen<Relabelling>("relabelling");
    expect(withContext.options).toContain(contextOf("c10,c20"));
    expect(withContext.access).toEqual({ code: 0, text: "1\nnew" });
    expect(withContext.changed).toBe(0);
    expect(withContext.labelled).toBe(0);
  });

  it("relabels every file for a pod that opted out, and the pod works as well", () => {
    const { recursive, files } = seen<Relabelling>("relabelling");
    expect(recursive.options).toContain("seclabel");
    expect(recursive.options).not.toContain("context=");
    expect(recursive.access).toEqual({ code: 0, text: "1\nnew" });
    expect(recursive.changed).toBe(files);
    expect(recursive.labelled).toBe(files);
  });

  it("lets a second pod with another label wait, says why, and starts it when the first is gone", () => {
    const { first, messages, phase, waitingReason, second, secondReads } = seen<Conflict>("conflict");
    expect(first).toContain(contextOf("c1,c2"));
    expect(phase).toBe("Pending");
    expect(waitingReason).toBe("ContainerCreating");
    const [message = ""] = messages;
    for (const part of ["conflicting SELinux labels", ":s0:c1,c2", ":s0:c3,c4", "first"])
      expect(message).toContain(part);
    expect(second).toContain(contextOf("c3,c4"));
    expect(secondReads).toEqual({ code: 0, text: "from first" });
  });

  it("counts the conflict as an error of the access mode", () => {
    const { errorsMetric } = seen<Conflict>("conflict");
    expect(errorsMetric).toHaveLength(1);
    expect(errorsMetric[0]).toContain('access_mode="RWX"');
    expect(errorsMetric[0]).toContain('volume_plugin="kubernetes.io/csi/loop.csi.orlop.dev"');
    expect(Number(errorsMetric[0]?.split(" ").at(-1))).toBeGreaterThan(0);
  });

  it("lets a privileged pod share a volume with a labelled one when both opt out", () => {
    const { messages, phase, together, options } = seen<PrivilegedSharing>("privileged-sharing");
    expect(messages[0]).toContain("conflicting SELinux labels");
    expect(phase).toBe("Pending");
    for (const reads of together) expect(reads).toEqual({ code: 0, text: "data" });
    expect(options).toContain("seclabel");
  });

  it("mounts only ReadWriteOncePod volumes with a label while the gate SELinuxMount is off", () => {
    const { readWriteOncePod, readWriteOnce } = seen<GateOff>("gate-off");
    expect(readWriteOncePod.options).toContain(contextOf("c10,c20"));
    expect(readWriteOnce.options).toContain("seclabel");
    for (const { access, label } of [readWriteOncePod, readWriteOnce]) {
      expect(access).toEqual({ code: 0, text: "x" });
      expect(label).toContain("container_file_t:s0:c10,c20");
    }
  });

  it("knows labels and mounts again after it was killed", () => {
    const { before, after, access, messages, second } = seen<Reconstruction>("reconstruction");
    expect(before.options).toContain(contextOf("c10,c20"));
    expect(after).toEqual({ ...before, restarts: 0 });
    expect(access).toEqual({ code: 0, text: "still here" });
    expect(messages[0]).toContain("conflicting SELinux labels");
    expect(second).toContain(contextOf("c3,c4"));
  });

  it("mounts an iSCSI volume from a real target with the label, and logs out after", () => {
    const { options, process: label, access, sessions } = seen<Iscsi>("iscsi");
    expect(options).toContain(contextOf("c10,c20"));
    expect(label).toBe("system_u:system_r:container_t:s0:c10,c20");
    expect(access).toEqual({ code: 0, text: "over the wire" });
    expect(sessions.during).toContain("iqn.2026-01.dev.orlop:disk");
    expect(sessions.after).toBe("");
  });

  it("catches a driver that drops the option, names it, and cleans up", () => {
    const { messages, phase, left } = seen<SilentDrop>("silent-drop");
    expect(messages[0]).toContain("dropper.example.com");
    expect(messages[0]).toContain("seLinuxMount");
    expect(phase).toBe("Pending");
    expect(left).toEqual([]);
  });
});
