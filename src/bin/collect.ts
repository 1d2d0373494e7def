import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { CollectOptions } from "../cli/audit/options.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import { endProgress, progressOn, snapshotOf } from "./cluster-access.ts";
import { untilToldToStop } from "./process-signal.ts";
import { writeOut } from "./write-out.ts";

/** `orlop collect`: what `orlop audit` needs of a cluster, in one file. */
export async function collect(options: CollectOptions): Promise<number> {
  const progress = progressOn(process.stderr, options.quiet);
  const snapshot = await untilToldToStop((signal) => snapshotOf(options, { signal, progress }));
  endProgress(process.stderr, options.quiet);
  const text = `${JSON.stringify(snapshot)}\n`;
  if (options.output === "-") await writeOut(text);
  else {
    try {
      await writeFile(options.output, options.output.endsWith(".gz") ? gzipSync(text) : text, { mode: 0o600 });
    } catch (cause) {
      throw new OrlopError("Invalid", `could not write ${options.output}: ${messageOf(cause)}`, { cause });
    }
  }
  for (const { resource, reason } of snapshot.missing)
    process.stderr.write(`orlop: not in the snapshot: ${resource}: ${reason}\n`);
  if (!options.quiet && options.output !== "-") {
    process.stderr.write(`orlop: wrote ${snapshot.items.length} objects to ${options.output}\n`);
  }
  return 0;
}
