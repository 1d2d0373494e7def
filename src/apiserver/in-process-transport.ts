import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../ports/cluster-transport.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../ports/http.ts";

const encoder = new TextEncoder();

/**
 * A transport that calls a handler in the same process. Bodies stream with backpressure, as over a socket.
 *
 * @param made told about every request object it makes, before the handler sees it
 */
export function createInProcessTransport(
  handler: HttpHandler,
  made?: (request: HttpRequest) => void,
): ClusterTransport {
  return {
    async send(sent) {
      sent.signal.throwIfAborted();
      const request = asHttpRequest(sent);
      made?.(request);
      return asClusterResponse(await handler(request), sent.signal);
    },
  };
}

function asHttpRequest(sent: ClusterRequest): HttpRequest {
  const [path = "", ...query] = sent.path.split("?");
  const body = sent.body ?? new Uint8Array();
  return {
    method: sent.method,
    target: sent.path,
    path: decodeURIComponent(path),
    query: new URLSearchParams(query.join("?")),
    headers: Object.fromEntries(Object.entries(sent.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    httpVersion: "1.1",
    peer: { address: "127.0.0.1", port: 0, certificates: [], encrypted: true },
    signal: sent.signal,
    body: () => Promise.resolve(typeof body === "string" ? encoder.encode(body) : body),
  };
}

function asClusterResponse(response: HttpResponse, signal: AbortSignal): ClusterResponse {
  if ("upgraded" in response) return { status: 101, headers: {}, body: oneChunk(new Uint8Array()) };
  const { status, headers, body = "" } = response;
  const plain = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    typeof value === "string" ? value : value.join(", "),
  ]);
  return {
    status,
    headers: Object.fromEntries(plain),
    body:
      typeof body === "function"
        ? pulled(body, signal)
        : oneChunk(typeof body === "string" ? encoder.encode(body) : body),
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

type StreamingBody = (writer: { write(chunk: Uint8Array | string): Promise<void> }) => Promise<void>;

/** What a body writes, as the reader asks for it: one chunk is under way at a time. */
async function* pulled(body: StreamingBody, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let offered: Uint8Array | undefined;
  let taken: (() => void) | undefined;
  let wake: (() => void) | undefined;
  let over = false;
  let failure: unknown;
  const stop = (): void => wake?.();
  signal.addEventListener("abort", stop, { once: true });
  const running = body({
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        offered = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
        taken = resolve;
        wake?.();
      }),
  }).then(
    () => {
      over = true;
      wake?.();
    },
    (reason: unknown) => {
      over = true;
      failure = reason;
      wake?.();
    },
  );
  try {
    for (;;) {
      signal.throwIfAborted();
      if (offered !== undefined) {
        const chunk = offered;
        offered = undefined;
        taken?.();
        yield chunk;
      } else if (over) {
        if (failure !== undefined) throw failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
    taken?.();
    void running;
  }
}
