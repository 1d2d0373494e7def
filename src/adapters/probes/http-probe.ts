import { type ClientRequest, get as httpGet, type IncomingMessage, type RequestOptions } from "node:http";
import { get as httpsGet } from "node:https";
import type { HttpProbe, ProbeAnswer } from "../../ports/network-prober.ts";
import { dialProblem } from "./dial-problem.ts";

const LONGEST_BODY = 10 * 1024;
const MOST_REDIRECTS = 10;
const TIMEOUT_TEXT = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";

export async function httpProbe(probe: HttpProbe, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  signal.throwIfAborted();
  // Not AbortSignal.any: the outer signal may live for years and would keep something of every probe.
  const request = new AbortController();
  const stop = (): void => request.abort(signal.reason);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    request.abort();
  }, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  const first = urlOf(probe);
  let url = first;
  try {
    for (let hop = 0; hop < MOST_REDIRECTS; hop++) {
      const { response, body } = await fetchOnce(url, probe, request.signal);
      const status = response.statusCode ?? 0;
      if (status < 200 || status >= 400) {
        return { result: "failure", output: `HTTP probe failed with statuscode: ${status}`, status };
      }
      const location = response.headers.location;
      if (status < 300 || location === undefined) return { result: "success", output: body, status };
      const next = new URL(location, url);
      if (next.hostname !== first.hostname || !/^https?:$/u.test(next.protocol)) {
        return { result: "warning", output: `Probe terminated redirects, Response body: ${body}`, status };
      }
      url = next;
    }
    return { result: "failure", output: `Get "${url.href}": stopped after 10 redirects` };
  } catch (failure) {
    signal.throwIfAborted();
    const why = timedOut ? TIMEOUT_TEXT : dialProblem(failure, probe.host, probe.port);
    return { result: "failure", output: `Get "${url.href}": ${why}` };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function urlOf({ scheme, host, port, path }: HttpProbe): URL {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new URL(`${scheme}://${authority}${path.startsWith("/") ? "" : "/"}${path}`);
}

async function fetchOnce(
  url: URL,
  probe: HttpProbe,
  signal: AbortSignal,
): Promise<{ readonly response: IncomingMessage; readonly body: string }> {
  const options: RequestOptions & { readonly rejectUnauthorized: boolean } = {
    headers: headersOf(probe),
    signal,
    // A kept connection would tell about the past.
    agent: false,
    rejectUnauthorized: false,
    setHost: true,
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsGet : httpGet;
    const request: ClientRequest = send(url, options, resolve);
    request.on("error", reject);
  });
  let body = "";
  for await (const chunk of response) {
    body += String(chunk);
    if (body.length >= LONGEST_BODY) break;
  }
  response.destroy();
  return { response, body: body.slice(0, LONGEST_BODY) };
}

function headersOf({ headers, userAgent }: HttpProbe): Record<string, string[]> {
  const grouped: Record<string, string[]> = {};
  for (const { name, value } of headers) (grouped[name.toLowerCase()] ??= []).push(value);
  grouped["user-agent"] ??= [userAgent];
  grouped["accept"] ??= ["*/*"];
  // An empty Accept means: send none.
  if (grouped["accept"]?.every((value) => value === "") === true) delete grouped["accept"];
  grouped["connection"] ??= ["close"];
  return grouped;
}
