// Boots the machine for scenarios by name and prints what it reports: `tsx test/vm/run.ts kernel plain-pod`. With --told
// only what the scenarios say themselves.
import { parseArgs } from "node:util";
import { machineProblem, runMachine } from "./harness/machine.ts";

const MINUTE = 60_000;
const { values, positionals: scenarios } = parseArgs({
  allowPositionals: true,
  options: { told: { type: "boolean", default: false } },
});
const problem = machineProblem();
if (problem !== undefined) {
  console.error(`no machine can run here: ${problem}`);
  process.exit(1);
}
console.log("booting a machine with SELinux, under emulation: the first lines take a minute or two");
const run = await runMachine({ scenarios, timeoutMs: 30 * MINUTE, say: (text) => console.log(text) });
for (const { name, error, evidence } of run.scenarios.values()) {
  if (error !== undefined) console.error(`\n${name}: ${error}`);
  else if (!values.told) console.log(`\n${name}: ${JSON.stringify(evidence, undefined, 2)}`);
}
if (!run.ended) console.error(`the machine did not come to its end; its console:\n${run.console}`);
process.exit(run.ended && [...run.scenarios.values()].every(({ error }) => error === undefined) ? 0 : 1);
