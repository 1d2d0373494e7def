import { messageOf } from "../../lib/orlop-error.ts";
import { invalid, StatusError } from "../../api/status-error.ts";
import type { Node, Pod } from "../../api/types.ts";
import type { HttpResponse } from "../../ports/http.ts";
import type { ClientResponse } from "../../ports/http-client.ts";
import type { RequestContext } from "../extension.ts";
import { logParameters, parseLogOptions, validateLogOptions } from "./log-options.ts";
import { nodeLocation } from "./node-location.ts";
import { chooseContainer } from "./pod-container.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { encodePath } from "./proxy-path.ts";
import { serverResponseError } from "./server-response.ts";

const ERROR_BYTES = 50_000;

async function errorText(response: ClientResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= ERROR_BYTES) break;
  }
  return text.slice(0, ERROR_BYTES);
}

function unknownError(cause: unknown): StatusError {
  const message = messageOf(cause);
  return new StatusError(
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 },
    { cause },
  );
}

/**
 * pods/log: the kubelet's log of one container, passed on as it comes. A pod without a node has none yet: 204.
 *
 * @throws StatusError 422 for options that do not fit together; the kubelet's refusals with their texts
 */
export async function podLog(
  deps: ProxyDeps,
  context: RequestContext,
  options: { readonly splitStreams: boolean },
): Promise<HttpResponse> {
  const { info, request } = context;
  const asked = parseLogOptions(request.query, options.splitStreams);
  const errors = validateLogOptions(asked, options.splitStreams);
  if (errors.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, info.name, errors);
  const pod = (await deps.objects.get("pods", info.namespace, info.name)) as Pod;
  const container = chooseContainer(pod, asked.container);
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") return { status: 204, headers: {} };
  const location = nodeLocation((await deps.objects.get("nodes", "", nodeName)) as Node);
  const client = asked.skipVerification ? deps.kubeletUnverified : deps.kubelet;
  const path = encodePath(`/containerLogs/${info.namespace}/${info.name}/${container}`);
  const query = logParameters(asked).toString();
  let response: ClientResponse;
  try {
    response = await client.send({
      scheme: "https",
      ...location,
      target: query === "" ? path : `${path}?${query}`,
      method: "GET",
      signal: request.signal,
    });
  } catch (cause) {
    throw unknownError(cause);
  }
  if (response.status < 200 || response.status > 206) {
    throw serverResponseError(response.status, await errorText(response), "pods/log", info.name);
  }
  return {
    status: 200,
    headers: { "content-type": "text/plain" },
    body: async (writer) => {
      for await (const chunk of response.body) await writer.write(chunk);
    },
  };
}
