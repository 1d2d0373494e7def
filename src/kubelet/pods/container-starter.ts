import type { Pod, Secret, Service } from "../../api/types.ts";
import { linuxResources, type NodeResources } from "../../core/pods/container-resources.ts";
import type { StartProblem } from "../../core/pods/container-statuses.ts";
import { describePod, type SpecContainer } from "../../core/pods/containers.ts";
import { checkRunAsNonRoot } from "../../core/pods/effective-security.ts";
import { newestAttempt, type PodRuntime } from "../../core/pods/pod-runtime.ts";
import { formatGoDuration } from "../../lib/go-duration.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { ContainerConfig, ContainerRuntime } from "../../ports/container-runtime.ts";
import type { Files } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import { buildEnvironment } from "../environment/environment.ts";
import type { EnsuredImage, ImageManager } from "../images/image-manager.ts";
import type { PodReferences, PodVolumes } from "../pod-volumes.ts";
import type { ProvenTarget } from "../userns/mapping-proofs.ts";
import type { Backoffs } from "./backoffs.ts";
import { containerConfig } from "./container-config.ts";
import { type ContainerSecurityOptions, containerSecurity } from "./container-security.ts";
import type { LifecycleHooks } from "./lifecycle-hooks.ts";
import type { PodEvents } from "./pod-events.ts";
import { runtimeMessage } from "./runtime-message.ts";
import type { SandboxPlan } from "./sandbox-plan.ts";

export interface ContainerStartRequest {
  readonly pod: Pod;
  readonly target: SpecContainer;
  readonly runtime: PodRuntime;
  readonly sandboxId: string;
  readonly plan: SandboxPlan;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** Called when the container's first process runs; hooks wait for what it returns. */
  readonly onStarted: (containerId: string) => Promise<void>;
}

/** `retryAt`: when it makes sense to try again, milliseconds since the epoch. */
export type StartOutcome =
  | { readonly ok: true; readonly containerId: string }
  | { readonly ok: false; readonly problem: StartProblem; readonly retryAt?: number };

export interface ContainerStarter {
  /**
   * Brings one container from nothing (or its last end) to running, postStart hook included. What goes wrong is told as
   * an event and returned with the reason the container's status shows.
   *
   * @param signals.life CRI calls that change something end with the process only, so that none is left half done
   */
  start(
    request: ContainerStartRequest,
    signals: { readonly turn: AbortSignal; readonly life: AbortSignal },
  ): Promise<StartOutcome>;
}

export interface ContainerStarterDeps {
  readonly containers: ContainerRuntime;
  readonly images: ImageManager;
  readonly volumes: Pick<PodVolumes, "mounts" | "devices" | "groups">;
  readonly references: PodReferences;
  readonly hooks: LifecycleHooks;
  readonly backoffs: Backoffs;
  readonly events: PodEvents;
  readonly files: Pick<Files, "makeDirectory" | "list" | "symlink" | "remove">;
  readonly log: Log;
  /** Services announced to the pod: those of its namespace, and where the API server is. */
  readonly services: (pod: Pod) => readonly Service[];
  /** Of the node, by resource name. */
  readonly allocatable: () => Readonly<Record<string, string>>;
}

export interface ContainerStarterOptions {
  readonly node: NodeResources;
  readonly security: ContainerSecurityOptions;
  /** Where links to logs are put for log collectors, e.g. "/var/log/containers"; "" for none. */
  readonly logLinksRoot: string;
  /** Whether a runtime handler can make read-only mounts recursive. */
  readonly recursiveReadOnlyMounts: (handler: string) => boolean;
}

class StartFailure extends Error {
  readonly reason: string;
  readonly event: string;
  constructor(reason: string, message: string, event: string) {
    super(message);
    this.reason = reason;
    this.event = event;
  }
}

export function createContainerStarter(deps: ContainerStarterDeps, options: ContainerStarterOptions): ContainerStarter {
  async function pullSecrets(pod: Pod, signal: AbortSignal): Promise<readonly Secret[]> {
    const found: Secret[] = [];
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (name === undefined || name === "") continue;
      try {
        const secret = await deps.references.secret(pod.metadata?.namespace ?? "", name, signal);
        if (secret !== undefined) found.push(secret);
        else deps.log.warn("A pull secret does not exist; the image may be public", { secret: name });
      } catch (failure) {
        signal.throwIfAborted();
        deps.log.warn("A pull secret can not be read; the image may be public", { secret: name, failure });
      }
    }
    return found;
  }

  function waitsForBackoff(request: ContainerStartRequest): StartOutcome | undefined {
    const { pod, target, runtime } = request;
    const { name } = target.container;
    const last = runtime.containers.find((attempt) => attempt.name === name && attempt.state === "exited");
    if (last === undefined) return undefined;
    const decision = deps.backoffs.tryAfterFailure(backoffKey(pod, target), last.finishedAt);
    if (decision.decision === "try") return undefined;
    const where = describePod(pod);
    const text = `Back-off restarting failed container ${name} in pod ${where}`;
    deps.events.record(pod, { type: "Warning", reason: "BackOff", message: text, container: name });
    const delay = formatGoDuration(decision.delayMs);
    const message = `back-off ${delay} restarting failed container=${name} pod=${where}`;
    return { ok: false, problem: { reason: "CrashLoopBackOff", message }, retryAt: decision.until };
  }

  async function attemptNumber({ target, runtime, plan }: ContainerStartRequest): Promise<number> {
    const last = newestAttempt(runtime, target.container.name);
    if (last !== undefined) return last.attempt + 1;
    // A runtime that forgot its containers must not make us write into the logs of an earlier attempt.
    try {
      const entries = await deps.files.list(`${plan.config.logDirectory}/${target.container.name}`);
      const numbers = entries.flatMap(({ name }) => /^(\d+)\.log/u.exec(name)?.[1] ?? []);
      return numbers.length === 0 ? 0 : Math.max(...numbers.map(Number)) + 1;
    } catch (failure) {
      if (failure instanceof OrlopError && failure.code === "NotFound") return 0;
      throw failure;
    }
  }

  function targetId({ target, runtime }: ContainerStartRequest): string | undefined {
    const { container } = target;
    const name = "targetContainerName" in container ? container.targetContainerName : undefined;
    if (name === undefined || name === "") return undefined;
    const found = newestAttempt(runtime, name);
    if (found === undefined) throw new OrlopError("NotFound", `unable to find target container ${name}`);
    return found.id;
  }

  async function configure(
    request: ContainerStartRequest,
    image: EnsuredImage & { readonly ok: true },
    signal: AbortSignal,
  ): Promise<ContainerConfig> {
    const { pod, target, plan, podIps, hostIps } = request;
    const { container } = target;
    const attempt = await attemptNumber(request);
    const nonRoot = checkRunAsNonRoot(pod, container, image.user);
    if (!nonRoot.ok) throw new OrlopError("Forbidden", nonRoot.reason);
    const { mapping } = plan;
    const environment = await buildEnvironment(
      deps,
      {
        pod,
        container,
        addresses: { podIps, hostIps },
        services: deps.services(pod),
        allocatable: deps.allocatable(),
      },
      signal,
    );
    const [mounts] = await Promise.all([
      deps.volumes.mounts(
        pod,
        container,
        {
          podIps,
          attempt,
          env: environment,
          recursiveReadOnlySupported: options.recursiveReadOnlyMounts(plan.handler),
          ...(mapping !== undefined && { mapping }),
        },
        signal,
      ),
      deps.files.makeDirectory(`${plan.config.logDirectory}/${container.name}`, 0o755),
    ]);
    return containerConfig({
      pod,
      container,
      attempt,
      imageRef: image.reference,
      environment,
      mounts,
      devices: deps.volumes.devices(pod, container),
      mapping,
      security: containerSecurity(
        pod,
        container,
        image.user,
        targetId(request),
        options.security,
        deps.volumes.groups(pod),
      ),
      resources: linuxResources(pod, container, options.node),
    });
  }

  async function linkLog(request: ContainerStartRequest, config: ContainerConfig, id: string): Promise<void> {
    if (options.logLinksRoot === "") return;
    const { name, namespace } = request.plan.config.metadata;
    const link = `${options.logLinksRoot}/${logLinkName(name, namespace, config.metadata.name, id)}`;
    try {
      await deps.files.makeDirectory(options.logLinksRoot, 0o755);
      await deps.files.remove(link);
      await deps.files.symlink(`${request.plan.config.logDirectory}/${config.logPath}`, link);
    } catch (failure) {
      deps.log.warn("The log of a container can not be linked; log collectors will not find it", { link, failure });
    }
  }

  async function run(
    request: ContainerStartRequest,
    { turn, life }: { readonly turn: AbortSignal; readonly life: AbortSignal },
  ): Promise<string> {
    const { pod, target, plan, sandboxId, podIps } = request;
    const { container } = target;
    const say = (type: "Normal" | "Warning", reason: string, message: string): void =>
      deps.events.record(pod, { type, reason, message, container: container.name });
    const step = async <T>(reason: string, work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (failure) {
        turn.throwIfAborted();
        const message = runtimeMessage(failure);
        throw new StartFailure(reason, message, `Error: ${message}`);
      }
    };

    const image = await deps.images.ensure(
      { pod, container, pullSecrets: await pullSecrets(pod, turn), sandbox: plan.config },
      turn,
    );
    if (!image.ok) throw new ImageFailure(image.reason, image.message, image.retryAt);
    const config = await step("CreateContainerConfigError", () => configure(request, image, turn));
    const id = await step("CreateContainerError", () => deps.containers.create(sandboxId, config, plan.config, life));
    say("Normal", "Created", "Container created");
    await step("RunContainerError", () => deps.containers.start(id, life));
    const proven = request.onStarted(id);
    say("Normal", "Started", "Container started");
    void linkLog(request, config, id);

    const postStart = container.lifecycle?.postStart;
    if (postStart !== undefined) {
      await proven;
      const podIp = podIps[0] ?? "";
      const result = await deps.hooks.run(postStart, { pod, container, containerId: id, podIp }, turn);
      if (!result.ok) {
        // The text may hold secrets of the server that answered: only the status gets it.
        say("Warning", "FailedPostStartHook", "PostStartHook failed");
        say("Normal", "Killing", "FailedPostStartHook");
        const grace = pod.spec?.terminationGracePeriodSeconds ?? 30;
        await step("PostStartHookError", () => deps.containers.stop(id, grace, turn));
        throw new StartFailure("PostStartHookError", result.reason, "");
      }
    }
    return id;
  }

  return {
    async start(request, signals) {
      const waiting = waitsForBackoff(request);
      if (waiting !== undefined) return waiting;
      try {
        return { ok: true, containerId: await run(request, signals) };
      } catch (failure) {
        signals.turn.throwIfAborted();
        if (failure instanceof ImageFailure) {
          const { reason, message, retryAt } = failure;
          return { ok: false, problem: { reason, message }, ...(retryAt !== undefined && { retryAt }) };
        }
        if (!(failure instanceof StartFailure)) throw failure;
        if (failure.event !== "") {
          const { name } = request.target.container;
          deps.events.record(request.pod, {
            type: "Warning",
            reason: "Failed",
            message: failure.event,
            container: name,
          });
        }
        return { ok: false, problem: { reason: failure.reason, message: failure.message } };
      }
    },
  };
}

/** A container whose IDs are to be proven. */
export function containerTarget(
  deps: { readonly containers: Pick<ContainerRuntime, "status"> },
  name: string,
  id: string,
): ProvenTarget {
  return { what: `container "${name}"`, id, process: async (signal) => (await deps.containers.status(id, signal)).pid };
}

class ImageFailure extends Error {
  readonly reason: string;
  readonly retryAt: number | undefined;
  constructor(reason: string, message: string, retryAt: number | undefined) {
    super(message);
    this.reason = reason;
    this.retryAt = retryAt;
  }
}

/** A change of image or resources starts counting anew. */
function backoffKey(pod: Pod, { container }: SpecContainer): string {
  return JSON.stringify([pod.metadata?.uid, container.name, container.image, container.resources]);
}

/** File names end at 255 bytes; the long part in front is cut. */
export function logLinkName(pod: string, namespace: string, container: string, id: string): string {
  const suffix = ".log";
  return `${`${pod}_${namespace}_${container}-${id}`.slice(0, 251 - suffix.length)}${suffix}`;
}
