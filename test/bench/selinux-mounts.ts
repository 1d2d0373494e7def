import type { StartTime } from "../vm/guest/scenarios/start-times.ts";
import { machineProblem, runMachine } from "../vm/harness/machine.ts";

const HOUR = 3_600_000;

/** Start of a pod on volumes with few and many files, mounted with a label and relabelled, in one emulated machine. */
export async function selinuxMounts(): Promise<string> {
  const problem = machineProblem();
  if (problem !== undefined) return `Not measured: ${problem}.`;
  const run = await runMachine({
    scenarios: ["start-times"],
    timeoutMs: HOUR,
    say: (text) => process.stderr.write(`${text}\n`),
  });
  const report = run.scenarios.get("start-times");
  if (report?.evidence === undefined) throw new Error(`the machine measured nothing: ${report?.error ?? run.console}`);
  const times = report.evidence as readonly StartTime[];
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);
  return [
    "| files on the volume | mounted with the label, s | relabelled, s | ratio |",
    "| --- | --- | --- | --- |",
    ...times.map(
      ({ files, withContext, recursive }) =>
        `| ${files} | ${seconds(withContext)} | ${seconds(recursive)} | ${(recursive / withContext).toFixed(1)} |`,
    ),
  ].join("\n");
}
