import type { ClusterRequest, ClusterTransport } from "../ports/cluster-transport.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any kind
  readonly body: any;
}

export interface CallOptions {
  /** Sent as JSON unless it is a string or bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface WatchLine {
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read objects of any kind
  readonly object: any;
}

export interface OpenWatch {
  /** The next event; undefined when the watch is over. */
  next(): Promise<WatchLine | undefined>;
  /** The next `count` events. */
  take(count: number): Promise<readonly WatchLine[]>;
  stop(): void;
}

/** One complete request. */
export async function call(
  transport: ClusterTransport,
  method: ClusterRequest["method"],
  path: string,
  { body, headers = {}, signal = new AbortController().signal }: CallOptions = {},
): Promise<Answer> {
  const raw = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await transport.send({
    method,
    path,
    signal,
    headers: { ...(body !== undefined && { "content-type": defaultType(method) }), ...headers },
    ...(raw !== undefined && { body: raw }),
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function defaultType(method: ClusterRequest["method"]): string {
  return method === "PATCH" ? "application/strategic-merge-patch+json" : "application/json";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Opens a watch; the answer must be 200. */
export async function openWatch(transport: ClusterTransport, path: string, headers = {}): Promise<OpenWatch> {
  const stopping = new AbortController();
  const response = await transport.send({ method: "GET", path, headers, signal: stopping.signal });
  if (response.status !== 200) throw new Error(`the watch was answered with ${response.status}`);
  const lines = linesOf(response.body);
  const next = async (): Promise<WatchLine | undefined> => {
    const { done, value } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as WatchLine);
  };
  return {
    next,
    async take(count) {
      const events: WatchLine[] = [];
      while (events.length < count) {
        const event = await next();
        if (event === undefined) throw new Error(`the watch ended after ${events.length} of ${count} events`);
        events.push(event);
      }
      return events;
    },
    stop: () => stopping.abort(),
  };
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
