import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";
import { newestAttempt, type PodRuntime } from "./pod-runtime.ts";

type Policy = "Always" | "OnFailure" | "Never";

function policyOf(text: string | undefined): Policy {
  return text === "Never" || text === "OnFailure" ? text : "Always";
}

/** The container's own policy where it has one, else the pod's. */
export function effectiveRestartPolicy(container: Container | EphemeralContainer, pod: Pod): Policy {
  return policyOf(container.restartPolicy ?? pod.spec?.restartPolicy);
}

/** Whether a container that ended with this exit code is to run again: rules first, then its own policy, then the pod's (KEP-5307). */
export function restartsAfterExit(container: Container | EphemeralContainer, pod: Pod, exitCode: number): boolean {
  if (container.restartPolicy !== undefined && matchesRestartRule(container, exitCode)) return true;
  const policy = effectiveRestartPolicy(container, pod);
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

function matchesRestartRule(container: Container | EphemeralContainer, exitCode: number): boolean {
  const matching = (container.restartPolicyRules ?? []).find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const listed = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === "In" ? listed : exitCodes.operator === "NotIn" && !listed;
  });
  return matching?.action === "Restart";
}

/** Whether a running container that is killed (failed probe) is started again; exit rules have nothing to say yet. */
export function restartsAfterKill(container: Container | EphemeralContainer, pod: Pod): boolean {
  return effectiveRestartPolicy(container, pod) !== "Never";
}

/** Whether a main or init container that is not running is to be (re)started. */
export function shouldStart(container: Container | EphemeralContainer, pod: Pod, runtime: PodRuntime): boolean {
  if (pod.metadata?.deletionTimestamp !== undefined) return false;
  const attempt = newestAttempt(runtime, container.name);
  if (attempt === undefined) return true;
  if (attempt.state === "running") return false;
  if (attempt.state === "unknown" || attempt.state === "created") return true;
  return restartsAfterExit(container, pod, attempt.exitCode);
}
