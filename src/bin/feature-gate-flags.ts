import {
  type FeatureGates,
  parseEmulatedVersion,
  parseFeatureGateFlag,
  resolveFeatureGates,
} from "../api/feature-gates.ts";
import { UsageError } from "../cli/usage-error.ts";
import type { Result } from "../lib/result.ts";
import type { Log } from "../ports/log.ts";

/** Folds --feature-gates and --emulated-version (over what a file set) into one value. Throws UsageError. */
export function featureGatesOf(
  flags: { readonly featureGates: readonly string[]; readonly emulatedVersion?: string },
  log: Log,
  fromFile: ReadonlyMap<string, boolean> = new Map(),
): FeatureGates {
  const settings = required(parseFeatureGateFlag(flags.featureGates.join(",")), "--feature-gates");
  const resolved = required(
    resolveFeatureGates({
      settings: [fromFile, settings],
      ...(flags.emulatedVersion !== undefined && {
        emulatedVersion: required(parseEmulatedVersion(flags.emulatedVersion), "--emulated-version"),
      }),
    }),
    "--feature-gates",
  );
  for (const warning of resolved.warnings) log.warn(warning);
  return resolved.gates;
}

function required<T>(result: Result<T>, flag: string): T {
  if (result.ok) return result.value;
  throw new UsageError(`invalid value for ${flag}: ${result.reason}`);
}
