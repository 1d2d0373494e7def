import { openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { messageOf } from "../../../src/lib/orlop-error.ts";
import type { Orders } from "../harness/data-disk.ts";
import type { Report } from "../harness/reports.ts";
import { createGuestCluster } from "./cluster.ts";
import { kernelLog } from "./kernel.ts";
import type { Scenario } from "./scenario.ts";
import { ALL_SCENARIOS } from "./scenarios/index.ts";

const PORT = "orlop.reports";
const DEFAULT_GATES = "SELinuxMount=true";
const DEFAULT_TIMEOUT_MS = 600_000;

/** Opens the port of this name; found in sysfs, as no udev names it here. */
function openPort(name: string): number {
  const ports = "/sys/class/virtio-ports";
  for (const port of readdirSync(ports)) {
    if (readFileSync(`${ports}/${port}/name`, "utf8").trim() === name) return openSync(`/dev/${port}`, "w");
  }
  throw new Error(`the machine has no port ${name}`);
}

const port = openPort(PORT);
const report = (value: Report): void => void writeSync(port, `${JSON.stringify(value)}\n`);
const say = (text: string): void => report({ type: "said", text });
const cluster = createGuestCluster(say);

async function perform(scenario: Scenario): Promise<void> {
  const began = performance.now();
  const limit = AbortSignal.timeout(scenario.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const evidence = await scenario.run({ cluster, say, signal: limit });
    report({ type: "scenario", name: scenario.name, seconds: (performance.now() - began) / 1000, evidence });
  } catch (reason) {
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : messageOf(reason);
    const denials = (await kernelLog("avc:  denied")).filter((line) => line.includes(":container_t:")).slice(-30);
    const error = [
      text,
      `--- denied by the kernel: ${denials.join("\n")}`,
      `--- the log of orlop ends with:\n${cluster.log().slice(-6000)}`,
    ].join("\n");
    report({ type: "scenario", name: scenario.name, seconds: (performance.now() - began) / 1000, error });
  }
}

try {
  const { scenarios } = JSON.parse(await readFile("/data/orders.json", "utf8")) as Orders;
  for (const name of scenarios) {
    const scenario = ALL_SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    try {
      await cluster.start(scenario.featureGates ?? DEFAULT_GATES);
    } catch (reason) {
      report({ type: "scenario", name, seconds: 0, error: messageOf(reason) });
      continue;
    }
    await perform(scenario);
  }
  await cluster.stop();
} catch (reason) {
  say(`the guest failed: ${messageOf(reason)}`);
}
report({ type: "end" });
process.exit(0);
