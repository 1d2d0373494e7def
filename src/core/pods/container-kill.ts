import type { Container } from "../../api/types.ts";
import { containerHash } from "./containers.ts";
import type { ContainerAttempt } from "./pod-runtime.ts";

/** Why a container is killed while its pod goes on; decides about the grace period. */
export type KillReason = "unknown-state" | "definition-changed" | "liveness-probe" | "startup-probe";

export interface ContainerKill {
  readonly id: string;
  readonly name: string;
  readonly reason: KillReason;
  /** Text of the Killing event. */
  readonly message: string;
}

export type ProbeVerdict = "success" | "failure" | undefined;

/** Newest verdicts by container id; undefined when the probe has not run or does not exist. */
export interface ProbeVerdicts {
  readonly liveness: (containerId: string) => ProbeVerdict;
  readonly startup: (containerId: string) => ProbeVerdict;
}

/** A container without a recorded hash was made by somebody else; it is left as it is. */
export function hasChanged(container: Container, attempt: ContainerAttempt): boolean {
  return attempt.hash !== "" && attempt.hash !== containerHash(container);
}

export function killOfUnknown(attempt: ContainerAttempt, what: "Container" | "Init container"): ContainerKill {
  return {
    id: attempt.id,
    name: attempt.name,
    reason: "unknown-state",
    message: `${what} is in "${attempt.state}" state, try killing it before restart`,
  };
}
