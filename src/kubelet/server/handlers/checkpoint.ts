import { messageOf, OrlopError } from "../../../lib/orlop-error.ts";
import type { PodDirectory } from "../../pod-directory.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";
import { jsonAnswer } from "./json-answer.ts";

/** Writes a checkpoint of a container; returns the path of the archive. `timeoutSeconds` 0 is the runtime's own limit. */
export type Checkpoint = (
  target: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly containerId: string;
  },
  timeoutSeconds: number,
  signal: AbortSignal,
) => Promise<string>;

export interface CheckpointDeps {
  readonly pods: Pick<PodDirectory, "podByName" | "container">;
  /** Absent when the runtime port has no way to do it. */
  readonly checkpoint?: Checkpoint;
}

/** POST /checkpoint: for forensics, the running container's state as an archive on the node. */
export function createCheckpointHandler(deps: CheckpointDeps): RouteHandler {
  return async (request, { namespace = "", pod = "", container = "" }) => {
    if (deps.pods.podByName(namespace, pod) === undefined) return plainAnswer(404, "pod does not exist");
    const known = deps.pods.container(namespace, pod, container);
    if (known === undefined) return plainAnswer(404, `container ${container} does not exist`);
    const timeoutText = request.query.getAll("timeout").at(-1);
    if (timeoutText !== undefined && !/^-?\d+$/.test(timeoutText)) {
      return plainAnswer(404, "cannot parse value of timeout parameter");
    }
    try {
      if (deps.checkpoint === undefined) {
        throw new OrlopError("Unsupported", "this kubelet does not pass checkpoints to the container runtime yet");
      }
      const target = { namespace, pod, container, containerId: known.id };
      const path = await deps.checkpoint(target, Number(timeoutText ?? 0), request.signal);
      return jsonAnswer({ items: [path] });
    } catch (reason) {
      return plainAnswer(500, `checkpointing of ${namespace}/${pod}/${container} failed (${messageOf(reason)})`);
    }
  };
}
