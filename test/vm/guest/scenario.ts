import type { GuestCluster } from "./cluster.ts";

export interface ScenarioContext {
  /** The cluster, running with the feature gates the scenario asks for. */
  readonly cluster: GuestCluster;
  /** Text for people who watch. */
  say(text: string): void;
  readonly signal: AbortSignal;
}

/** Something done for real in the machine. It returns what it saw as JSON; judging that is the host's part. */
export interface Scenario<Evidence = unknown> {
  readonly name: string;
  /** For --feature-gates. @default "SELinuxMount=true" */
  readonly featureGates?: string;
  /** Milliseconds. @default 600000 */
  readonly timeoutMs?: number;
  run(context: ScenarioContext): Promise<Evidence>;
}
