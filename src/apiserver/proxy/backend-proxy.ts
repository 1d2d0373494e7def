import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { internalError, StatusError } from "../../api/status-error.ts";
import type { HttpResponse } from "../../ports/http.ts";
import type { ClientRequest, HttpClient } from "../../ports/http-client.ts";
import { forwardedRequestHeaders, forwardedResponseHeaders } from "../../core/streams/forwarded-headers.ts";
import { forwardUpgrade, relayResponse } from "../../machinery/streams/forward-upgrade.ts";
import type { RequestContext, RequestInfo } from "../extension.ts";
import { encodePath, rawQueryOf, rewriteLocation } from "./proxy-path.ts";

export interface Backend extends Pick<ClientRequest, "scheme" | "host" | "port"> {
  readonly client: HttpClient;
}

function unavailable(message: string, cause: unknown): StatusError {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason: "ServiceUnavailable",
    code: 503,
  };
  return new StatusError(status, { cause });
}

function authority({ scheme, host, port }: Backend): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === (scheme === "https" ? 443 : 80) ? name : `${name}:${port}`;
}

/** Where the proxied object's own "/" is. */
function proxyPrefix({ version, namespace, resource, name, subresource }: RequestInfo): string {
  const scope = namespace === "" ? "" : `/namespaces/${namespace}`;
  return encodePath(`/api/${version}${scope}/${resource}/${name}/${subresource}`);
}

function withoutQuery(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
}

/** The request's body as it is passed on, with its length when that is known. */
function bodyOf(context: RequestContext): { readonly body?: AsyncIterable<Uint8Array>; readonly length?: string } {
  const { headers, bodyStream, method } = context.request;
  const length = headers["content-length"];
  const chunked = headers["transfer-encoding"] !== undefined;
  const mayHaveBody = length !== undefined ? length !== "0" : chunked || context.request.httpVersion === "2.0";
  if (!mayHaveBody || bodyStream === undefined || method === "GET" || method === "HEAD") return {};
  return { body: bodyStream.call(context.request), ...(length !== undefined && { length }) };
}

/** An upgrade of any protocol, passed on as it is. */
export async function proxyUpgrade(context: RequestContext, backend: Backend, target: string): Promise<HttpResponse> {
  const { request } = context;
  const headers = forwardedRequestHeaders(request.headers, {
    peerAddress: request.peer.address,
    upgrade: true,
    keepHost: false,
  });
  const { client, scheme, host, port } = backend;
  try {
    return await forwardUpgrade({
      client,
      request,
      to: { scheme, host, port, target, method: request.method, headers },
      responseHeaders: forwardedResponseHeaders,
    });
  } catch (cause) {
    if (cause instanceof OrlopError && cause.code === "Unavailable") {
      throw internalError(new Error(`error dialing backend: ${messageOf(cause)}`));
    }
    throw internalError(cause);
  }
}

/**
 * Passes a request to a node, pod or service: method, query, body and headers as they are, except credentials.
 * `path` is decoded and clean. Location headers of the answer lead back through the proxy.
 */
export async function proxyRequest(context: RequestContext, backend: Backend, path: string): Promise<HttpResponse> {
  const { request, info } = context;
  const query = rawQueryOf(request.target);
  const target = `${encodePath(path === "" ? "/" : path)}${query}`;
  if (request.upgrade !== undefined) return proxyUpgrade(context, backend, target);
  const own = withoutQuery(request.target);
  if (info.remainder === "" && (request.method === "GET" || request.method === "HEAD")) {
    // Relative links of the page behind must resolve below the proxy (issue.k8s.io/4958).
    return { status: 301, headers: { location: `${own}/${query}` } };
  }
  const { body, length } = bodyOf(context);
  const headers = forwardedRequestHeaders(request.headers, {
    peerAddress: request.peer.address,
    upgrade: false,
    keepHost: true,
  });
  headers["x-forwarded-uri"] = own;
  if (length !== undefined) headers["content-length"] = length;
  const { client, scheme, host, port } = backend;
  try {
    const response = await client.send({
      scheme,
      host,
      port,
      target,
      method: request.method,
      headers,
      ...(body !== undefined && { body }),
      signal: request.signal,
    });
    const answered = forwardedResponseHeaders(response.headers);
    const { location } = answered;
    if (typeof location === "string") {
      const hosts = [authority(backend), request.headers["host"] ?? ""];
      answered["location"] = rewriteLocation(location, proxyPrefix(info), hosts);
    }
    return relayResponse(response, answered);
  } catch (cause) {
    throw unavailable(`error trying to reach service: ${messageOf(cause)}`, cause);
  }
}
