import { beforeAll, describe, expect, it } from "vitest";
import type { KernelFacts, PlainPod } from "./guest/scenarios/machine.ts";
import { machineProblem, type MachineRun, runMachine } from "./harness/machine.ts";

const SCENARIOS = ["kernel", "plain-pod"];
const MINUTE = 60_000;

const problem = machineProblem();
if (problem !== undefined) console.warn(`SELinux in a machine is not tested here: ${problem}`);

describe.skipIf(problem !== undefined)("a node with SELinux enforcing", () => {
  let machine: MachineRun;

  beforeAll(async () => {
    machine = await runMachine({ scenarios: SCENARIOS, timeoutMs: 20 * MINUTE, say: (text) => console.log(text) });
    if (!machine.ended) console.warn(`the machine did not come to its end; its console:\n${machine.console}`);
  }, 30 * MINUTE);

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
    expect(facts.options).toContain('context="system_u:object_r:container_file_t:s0:c10,c20"');
    expect(facts.options).not.toContain("seclabel");
    expect(facts.secondMount.code).not.toBe(0);
    expect(facts.secondMount.log).toHaveLength(1);
  });

  it("runs a container as container_t with the categories of its pod", () => {
    expect(seen<PlainPod>("plain-pod").label).toBe("system_u:system_r:container_t:s0:c10,c20");
  });
});
