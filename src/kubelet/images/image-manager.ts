import type { Container, EphemeralContainer, Pod, Secret } from "../../api/types.ts";
import type { ImageUser } from "../../core/pods/effective-security.ts";
import { CRASH_LOOP_BACKOFF } from "../../core/pods/start-backoff.ts";
import { formatGoDuration } from "../../lib/go-duration.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ImageService, RegistryCredentials, RuntimeImage, SandboxConfig } from "../../ports/container-runtime.ts";
import { createBackoffs } from "../pods/backoffs.ts";
import type { PodEvent, PodEvents } from "../pods/pod-events.ts";
import { type ImageReference, readImageReference } from "./image-reference.ts";
import { createLimited } from "./limited.ts";
import { credentialsFor } from "./registry-credentials.ts";

export type EnsuredImage =
  | { readonly ok: true; readonly reference: string; readonly user: ImageUser }
  /** `retryAt`: when trying again makes sense, milliseconds since the epoch. */
  | { readonly ok: false; readonly reason: string; readonly message: string; readonly retryAt?: number };

export interface ImageManager {
  /** Makes sure the container's image is there, by its pull policy. Expected failures are values, told as events too. */
  ensure(request: ImageRequest, signal: AbortSignal): Promise<EnsuredImage>;
}

export interface ImageRequest {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly pullSecrets: readonly Secret[];
  readonly sandbox: SandboxConfig;
}

export interface ImageManagerDeps {
  readonly images: ImageService;
  readonly events: PodEvents;
  readonly clock: Clock;
}

export interface ImageManagerOptions {
  /** Pulls at the same time; undefined: no limit. @default 1 (serializeImagePulls) */
  readonly parallelPulls?: number | undefined;
}

export function createImageManager(deps: ImageManagerDeps, options: ImageManagerOptions = {}): ImageManager {
  const { images, clock } = deps;
  const backoffs = createBackoffs(deps, CRASH_LOOP_BACKOFF);
  const limited = createLimited("parallelPulls" in options ? options.parallelPulls : 1);
  /** What went wrong last, for the time of waiting. Bounded as the back-offs are: entries go with a later success. */
  const lastProblem = new Map<string, string>();

  async function pull(request: ImageRequest, image: ImageReference, signal: AbortSignal): Promise<EnsuredImage> {
    const { pod, container } = request;
    const name = container.image ?? "";
    const say = (event: PodEvent): void => deps.events.record(pod, { ...event, container: container.name });
    const key = `${pod.metadata?.uid ?? ""}_${name}`;
    const waiting = backoffs.waiting(key);
    if (waiting !== undefined) {
      say({ type: "Normal", reason: "BackOff", message: `Back-off pulling image "${name}"` });
      const last = lastProblem.get(key);
      const message = `Back-off pulling image "${name}"${last === undefined ? "" : `: ${last}`}`;
      return { ok: false, reason: "ImagePullBackOff", message, retryAt: waiting.until };
    }
    say({ type: "Normal", reason: "Pulling", message: `Pulling image "${name}"` });
    const asked = clock.monotonic();
    let began = asked;
    try {
      const reference = await limited(() => {
        began = clock.monotonic();
        return pullWithCredentials(request, image, signal);
      }, signal);
      const ended = clock.monotonic();
      const found = await images.status(reference, signal);
      const took = `${seconds(ended - began)} (${seconds(ended - asked)} including waiting)`;
      const message = `Successfully pulled image "${name}" in ${took}. Image size: ${found?.sizeBytes ?? 0} bytes.`;
      say({ type: "Normal", reason: "Pulled", message });
      backoffs.forget(key);
      lastProblem.delete(key);
      return { ok: true, reference, user: userOf(found) };
    } catch (failure) {
      signal.throwIfAborted();
      const text = messageOf(failure);
      say({ type: "Warning", reason: "Failed", message: `Failed to pull image "${name}": ${text}` });
      backoffs.failed(key);
      const problem = pullProblem(name, text);
      say({ type: "Warning", reason: "Failed", message: `Error: ${problem.reason}` });
      if (lastProblem.size > 1000) lastProblem.clear();
      lastProblem.set(key, `${problem.reason}: ${problem.message}`);
      const retryAt = backoffs.waiting(key)?.until;
      return { ok: false, ...problem, ...(retryAt !== undefined && { retryAt }) };
    }
  }

  async function pullWithCredentials(
    request: ImageRequest,
    image: ImageReference,
    signal: AbortSignal,
  ): Promise<string> {
    const found = credentialsFor(image, request.pullSecrets);
    const candidates: readonly (RegistryCredentials | undefined)[] = found.length > 0 ? found : [undefined];
    const problems: string[] = [];
    for (const credentials of candidates) {
      try {
        return await images.pull(image.text, credentials, request.sandbox, signal);
      } catch (failure) {
        signal.throwIfAborted();
        problems.push(messageOf(failure));
      }
    }
    const text = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
    throw new OrlopError("Unavailable", text);
  }

  return {
    async ensure(request, signal) {
      const { pod, container } = request;
      const name = container.image ?? "";
      const policy = container.imagePullPolicy ?? "IfNotPresent";
      const fail = (eventReason: string, reason: string, message: string): EnsuredImage => {
        deps.events.record(pod, { type: "Warning", reason: eventReason, message, container: container.name });
        deps.events.record(pod, {
          type: "Warning",
          reason: "Failed",
          message: `Error: ${reason}`,
          container: container.name,
        });
        return { ok: false, reason, message };
      };
      const image = readImageReference(name);
      if (!image.ok) {
        const message = `Failed to apply default image tag "${name}": ${image.reason}`;
        return fail("InspectFailed", "InvalidImageName", message);
      }
      if (policy === "Always") return pull(request, image.value, signal);
      let present: RuntimeImage | undefined;
      try {
        present = await images.status(image.value.text, signal);
      } catch (failure) {
        signal.throwIfAborted();
        const message = `Failed to inspect image "": ${messageOf(failure)}`;
        return fail("InspectFailed", "ImageInspectError", message);
      }
      if (present !== undefined) {
        const message = `Container image "${name}" already present on machine and can be accessed by the pod`;
        deps.events.record(pod, { type: "Normal", reason: "Pulled", message, container: container.name });
        return { ok: true, reference: present.id, user: userOf(present) };
      }
      if (policy === "Never") {
        const message = `Container image "${name}" is not present with pull policy of Never`;
        return fail("ErrImageNeverPull", "ErrImageNeverPull", message);
      }
      return pull(request, image.value, signal);
    },
  };
}

/** An image without a user runs as root. */
function userOf(image: RuntimeImage | undefined): ImageUser {
  if (image?.uid !== undefined) return { uid: image.uid, username: "" };
  if (image !== undefined && image.username !== "") return { username: image.username };
  return { uid: 0, username: "" };
}

/** Two failures have names of their own in the runtime's interface, given as a prefix of the text. */
function pullProblem(image: string, text: string): { readonly reason: string; readonly message: string } {
  const named = /(RegistryUnavailable|SignatureValidationFailed)(.*)$/su.exec(text);
  if (named?.[1] === "RegistryUnavailable") {
    const message = `image pull failed for ${image} because the registry is unavailable${named[2] ?? ""}`;
    return { reason: "RegistryUnavailable", message };
  }
  if (named?.[1] === "SignatureValidationFailed") {
    const message = `image pull failed for ${image} because the signature validation failed${named[2] ?? ""}`;
    return { reason: "SignatureValidationFailed", message };
  }
  return { reason: "ErrImagePull", message: text };
}

function seconds(milliseconds: number): string {
  return formatGoDuration(Math.round(milliseconds));
}
