import { containersOf } from "../../../api/pod.ts";
import { messageOf } from "../../../lib/orlop-error.ts";
import type { HttpResponse } from "../../../ports/http.ts";
import { decideLogSource } from "../../logs/log-source.ts";
import { parseLogOptions } from "../../logs/log-options.ts";
import { openLog, type ReadLogDeps } from "../../logs/read-log.ts";
import type { PodDirectory } from "../../pod-directory.ts";
import { plainAnswer } from "../../streaming/plain-answers.ts";
import type { RouteHandler } from "../routes.ts";

export interface ContainerLogsDeps extends ReadLogDeps {
  readonly pods: Pick<PodDirectory, "podByName" | "container">;
}

export interface ContainerLogsOptions {
  /** Gate PodLogsQuerySplitStreams. */
  readonly splitStreams: boolean;
}

/** /containerLogs: a container's log, whole or from the end, once or as it grows. */
export function createContainerLogsHandler(deps: ContainerLogsDeps, options: ContainerLogsOptions): RouteHandler {
  return async (request, { namespace = "", pod = "", container = "" }): Promise<HttpResponse> => {
    const parsed = parseLogOptions(request.query, { now: deps.clock.now(), splitStreams: options.splitStreams });
    if (!parsed.ok) return problemAnswer(parsed.reason);
    const found = deps.pods.podByName(namespace, pod);
    if (found === undefined) return plainAnswer(404, `pod ${JSON.stringify(pod)} does not exist`);
    if (!containersOf(found.spec).some(({ name }) => name === container)) {
      return plainAnswer(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(pod)}`);
    }
    const { previous } = parsed.value;
    const look = () => deps.pods.container(namespace, pod, container);
    const source = decideLogSource({ pod, container, previous, look });
    if (!source.ok) return plainAnswer(400, source.reason);
    try {
      const log = await openLog(deps, source.value, parsed.value);
      return {
        status: 200,
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: async (writer) => {
          try {
            await log.writeTo(writer, request.signal);
          } finally {
            await log.close();
          }
        },
      };
    } catch (reason) {
      return plainAnswer(400, messageOf(reason));
    }
  };
}

function problemAnswer(
  problem: Extract<ReturnType<typeof parseLogOptions>, { readonly ok: false }>["reason"],
): HttpResponse {
  switch (problem.problem) {
    case "undecodable":
      return plainAnswer(400, '{"message": "Unable to decode query."}');
    case "invalid":
      return plainAnswer(422, '{"message": "Invalid request."}');
    case "stream-not-enabled":
      return plainAnswer(
        400,
        `unable to return the given log stream: ${JSON.stringify(problem.stream)}. Please enable PodLogsQuerySplitStreams feature gate in kubelet`,
      );
  }
}
