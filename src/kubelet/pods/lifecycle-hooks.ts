import type { Container, EphemeralContainer, LifecycleHandler, Pod } from "../../api/types.ts";
import { describePod } from "../../core/pods/containers.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { failed, ok, type Result } from "../../lib/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StreamingRuntime } from "../../ports/container-runtime.ts";
import type { NetworkProber } from "../../ports/network-prober.ts";
import { httpAction } from "./http-action.ts";

export interface HookTarget {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly containerId: string;
  /** "" while the pod has none. */
  readonly podIp: string;
}

/** Runs postStart and preStop hooks. */
export interface LifecycleHooks {
  /** A failure is the text for the container's status. Rejects only when aborted. */
  run(handler: LifecycleHandler, target: HookTarget, signal: AbortSignal): Promise<Result<undefined>>;
}

export interface LifecycleHooksDeps {
  readonly streaming: Pick<StreamingRuntime, "execSync">;
  readonly prober: Pick<NetworkProber, "http">;
  readonly clock: Clock;
}

/** Upstream waits without limit; the caller's grace period ends it. */
const HTTP_TIMEOUT_MS = 24 * 3_600_000;
const LONGEST_OUTPUT = 4096;

export function createLifecycleHooks(
  deps: LifecycleHooksDeps,
  options: { readonly userAgent: string },
): LifecycleHooks {
  async function perform(handler: LifecycleHandler, target: HookTarget, signal: AbortSignal): Promise<string> {
    if (handler.exec !== undefined) return runCommand(handler.exec.command ?? [], target, signal);
    if (handler.sleep !== undefined) {
      await deps.clock.sleep(handler.sleep.seconds * 1000, signal);
      return "";
    }
    if (handler.httpGet !== undefined) return runHttp(handler.httpGet, target, signal);
    return "invalid handler";
  }

  async function runCommand(command: readonly string[], target: HookTarget, signal: AbortSignal): Promise<string> {
    const result = await deps.streaming.execSync(target.containerId, command, 0, signal);
    if (result.exitCode === 0) return "";
    const output = new TextDecoder()
      .decode(Uint8Array.from([...result.stdout, ...result.stderr]))
      .slice(0, LONGEST_OUTPUT);
    return `command '${command.join(" ")}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}`;
  }

  async function runHttp(
    action: NonNullable<LifecycleHandler["httpGet"]>,
    target: HookTarget,
    signal: AbortSignal,
  ): Promise<string> {
    const request = httpAction(action, target.container, target.podIp, options.userAgent);
    if (!request.ok) return request.reason;
    let answer = await deps.prober.http(request.value, HTTP_TIMEOUT_MS, signal);
    if (answer.status === undefined && request.value.scheme === "https") {
      // Hooks were plain HTTP once, whatever they asked for; servers from then are still about.
      answer = await deps.prober.http({ ...request.value, scheme: "http" }, HTTP_TIMEOUT_MS, signal);
    }
    // Any answer will do: a hook is told something, it is not asked.
    return answer.status === undefined ? answer.output : "";
  }

  return {
    async run(handler, target, signal) {
      let problem: string;
      try {
        problem = await perform(handler, target, signal);
      } catch (failure) {
        signal.throwIfAborted();
        problem = messageOf(failure);
      }
      if (problem === "") return ok(undefined);
      const where = `for Container "${target.container.name}" in Pod "${describePod(target.pod)}" failed - error: ${problem}`;
      return failed(`${describeHandler(handler)} ${where}`);
    },
  };
}

function describeHandler({ exec, httpGet, sleep }: LifecycleHandler): string {
  if (exec !== undefined) return `Exec lifecycle hook ([${(exec.command ?? []).join(" ")}])`;
  if (httpGet !== undefined) return `HTTP lifecycle hook (${httpGet.path ?? ""})`;
  return `Sleep lifecycle hook (${sleep?.seconds ?? 0})`;
}
