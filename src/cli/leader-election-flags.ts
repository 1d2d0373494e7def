import { type Command, Option } from "commander";
import { parseBoolean, parseDuration } from "./flag-values.ts";

/** kube-controller-manager's --leader-elect flags, with its defaults but for the Lease's name: both may run in one cluster. */
export interface LeaderElectionFlags {
  readonly leaderElect: boolean;
  /** Milliseconds, as the two below. */
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace: string;
}

export function addLeaderElectionFlags(command: Command): void {
  const duration = (flag: string, description: string, seconds: number): Option =>
    new Option(`${flag} <duration>`, description)
      .argParser(parseDuration(flag))
      .default(seconds * 1_000, `${seconds}s`);
  command
    .addOption(
      new Option("--leader-elect [bool]", "take part in leader election")
        .argParser(parseBoolean("--leader-elect"))
        .preset("true")
        .default(true),
    )
    .addOption(
      duration("--leader-elect-lease-duration", "how long others wait after the last renewal they saw of a leader", 15),
    )
    .addOption(duration("--leader-elect-renew-deadline", "how long the leader tries to renew before it gives up", 10))
    .addOption(duration("--leader-elect-retry-period", "pause between tries to lead or to renew", 2))
    .addOption(new Option("--leader-elect-resource-lock <kind>", "what is held").choices(["leases"]).default("leases"))
    .option("--leader-elect-resource-name <name>", "Lease to hold", "orlop-controller-manager")
    .option("--leader-elect-resource-namespace <namespace>", "where the Lease is", "kube-system");
}
