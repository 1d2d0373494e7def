import { messageOf } from "../../../lib/orlop-error.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { CheckpointRuntime } from "../../../ports/container-runtime.ts";
import type { Files } from "../../../ports/files.ts";
import type { PodDirectory } from "../../pod-directory.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";
import { jsonAnswer } from "./json-answer.ts";

export interface CheckpointDeps {
  readonly pods: Pick<PodDirectory, "podByName" | "container">;
  readonly checkpoints: CheckpointRuntime;
  readonly files: Pick<Files, "makeDirectory">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * POST /checkpoint: for forensics, the running container's state as an archive below `directory`. Archives hold the
 * memory of the container, Secrets included, so the directory is for root alone.
 */
export function createCheckpointHandler(deps: CheckpointDeps, directory: string): RouteHandler {
  const { pods, checkpoints, files, clock } = deps;
  return async (request, { namespace = "", pod = "", container = "" }) => {
    if (pods.podByName(namespace, pod) === undefined) return plainAnswer(404, "pod does not exist");
    const known = pods.container(namespace, pod, container);
    if (known === undefined) return plainAnswer(404, `container ${container} does not exist`);
    const timeout = request.query.getAll("timeout").at(-1) ?? "0";
    if (!/^[+-]?\d+$/.test(timeout)) return plainAnswer(404, "cannot parse value of timeout parameter");
    const failed = (why: string) =>
      plainAnswer(500, `checkpointing of ${namespace}/${pod}/${container} failed (${why})`);
    if (!known.running) return failed(`container ${container} not found`);
    if (Number(timeout) < 0) return failed("CheckpointContainer requires the timeout value to be > 0");
    const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const archive = `${directory}/checkpoint-${pod}_${namespace}-${container}-${time}.tar`;
    try {
      await files.makeDirectory(directory, 0o700);
      await checkpoints.checkpoint(known.id, archive, Number(timeout), request.signal);
    } catch (reason) {
      return failed(messageOf(reason));
    }
    return jsonAnswer({ items: [archive] });
  };
}
