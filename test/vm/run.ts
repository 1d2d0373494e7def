// Boots the machine for scenarios by name and prints what it reports: `tsx test/vm/run.ts kernel plain-pod`.
import { machineProblem, runMachine } from "./harness/machine.ts";

const MINUTE = 60_000;
const scenarios = process.argv.slice(2);
const problem = machineProblem();
if (problem !== undefined) {
  console.error(`no machine can run here: ${problem}`);
  process.exit(1);
}
const run = await runMachine({ scenarios, timeoutMs: 20 * MINUTE, say: (text) => console.log(text) });
for (const { name, error, evidence } of run.scenarios.values()) {
  console.log(`\n${name}: ${error ?? JSON.stringify(evidence, undefined, 2)}`);
}
if (!run.ended) console.error(`the machine did not come to its end; its console:\n${run.console}`);
process.exit(run.ended && [...run.scenarios.values()].every(({ error }) => error === undefined) ? 0 : 1);
