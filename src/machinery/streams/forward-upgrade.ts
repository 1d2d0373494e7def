import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import type { BodyWriter, HttpRequest, HttpResponse } from "../../ports/http.ts";
import type { ClientRequest, ClientResponse, HttpClient } from "../../ports/http-client.ts";
import { splice } from "./splice.ts";

export interface ForwardUpgrade {
  readonly client: HttpClient;
  readonly request: HttpRequest;
  readonly to: Omit<ClientRequest, "signal">;
  /** Joins the two connections once both are upgraded. @default until one of them ends or the client goes */
  readonly join?: (client: ByteConnection, server: ByteConnection) => Promise<void>;
  /** Which of the answer's headers go back. */
  readonly responseHeaders: (headers: ClientResponse["headers"]) => Record<string, string | readonly string[]>;
}

/** Passes an answer on as it comes. */
export function relayResponse(
  response: ClientResponse,
  headers: Record<string, string | readonly string[]>,
): HttpResponse {
  return {
    status: response.status,
    headers,
    body: async (writer: BodyWriter) => {
      for await (const chunk of response.body) await writer.write(chunk);
    },
  };
}

/**
 * Passes an upgrade request on and joins the connections when it is accepted. An error answer is passed back; an
 * answer that is neither throws OrlopError Internal with upstream's text.
 */
export async function forwardUpgrade(forward: ForwardUpgrade): Promise<HttpResponse> {
  const { client, request, to } = forward;
  const { upgrade } = request;
  if (upgrade === undefined) throw new OrlopError("Invalid", "Upgrade request required");
  const { response, connection } = await client.upgrade({ ...to, signal: request.signal });
  if (connection === undefined) {
    if (response.status < 400) {
      throw new OrlopError("Internal", `invalid upgrade response: status code ${response.status}`);
    }
    return relayResponse(response, forward.responseHeaders(response.headers));
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    // Runtimes answer a client that offered no subprotocol with an empty one, which browsers and libraries refuse.
    if (value === undefined || (name === "sec-websocket-protocol" && value === "")) continue;
    headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  const join = forward.join ?? ((one, other) => splice(one, other, request.signal));
  return { status: 101, upgraded: true, done: join(upgrade.acceptRaw(headers), connection) };
}
