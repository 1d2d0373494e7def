import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import type { StreamingRuntime } from "../../ports/container-runtime.ts";
import type { HttpRequest, HttpResponse, WebSocketConnection } from "../../ports/http.ts";
import type { HttpClient } from "../../ports/http-client.ts";
import type { Log } from "../../ports/log.ts";
import { forwardedRequestHeaders, forwardedResponseHeaders } from "../../core/streams/forwarded-headers.ts";
import { parsePortList } from "../../core/streams/port-list.ts";
import {
  CHANNEL_V5,
  isUpgrade,
  isWebSocketUpgrade,
  offeredProtocols,
  offersProtocol,
  PORT_FORWARD_TUNNEL,
  SPDY_TUNNEL_PREFIX,
} from "../../core/streams/protocol-names.ts";
import type { InflatePiece } from "../../core/streams/spdy-headers.ts";
import { parseStreamOptions, type StreamOptions } from "../../core/streams/stream-options.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import { forwardUpgrade, relayResponse } from "../../machinery/streams/forward-upgrade.ts";
import { splice } from "../../machinery/streams/splice.ts";
import type { PodContainer, PodDirectory } from "../pod-directory.ts";
import { openCommand } from "./command-client.ts";
import { carryCommand } from "./command-over-websocket.ts";
import { watchIdle } from "./idle-watch.ts";
import { errorAnswer, plainAnswer, runtimeFailureAnswer, UPGRADE_REQUIRED } from "./plain-answers.ts";
import { tunnelConnection } from "./port-forward-tunnel.ts";
import { parseRuntimeLocation, type RuntimeLocation } from "./runtime-location.ts";

/** The pod a path names. The request is authenticated and authorised. */
export interface PodTarget {
  readonly namespace: string;
  readonly pod: string;
  /** From the long form of the path. */
  readonly uid?: string;
}

export interface ContainerTarget extends PodTarget {
  readonly container: string;
}

export interface StreamingDeps {
  readonly pods: Pick<PodDirectory, "podByName" | "container" | "sandboxId">;
  readonly runtime: StreamingRuntime;
  /** Reaches the runtime's streaming server. */
  readonly client: HttpClient;
  readonly inflate: InflatePiece;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts WebSockets that end here, for kubelet_websocket_streaming_requests_total. */
  readonly onWebSocketStream?: (subresource: "exec" | "attach" | "portforward") => void;
}

export interface StreamingOptions {
  /** Gate ExtendWebSocketsToKubelet: speak v5 and the port-forward tunnel here instead of passing them on. */
  readonly extendWebSockets: boolean;
  /** Sessions are cut after this time without a byte in either direction; 0 never. @default 4 h */
  readonly idleMilliseconds?: number;
}

/** Handlers of /exec, /attach, /portForward and /run. They answer every failure themselves and never reject. */
export interface StreamingHandlers {
  exec(request: HttpRequest, target: ContainerTarget): Promise<HttpResponse>;
  attach(request: HttpRequest, target: ContainerTarget): Promise<HttpResponse>;
  portForward(request: HttpRequest, target: PodTarget): Promise<HttpResponse>;
  run(request: HttpRequest, target: ContainerTarget): Promise<HttpResponse>;
}

const FOUR_HOURS = 4 * 60 * 60 * 1000;
const FORM_BYTES = 1024 * 1024;
/** Clients send at most 32 KiB at once; some libraries send whole files. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

/** Query and urlencoded body as one; the body comes first, as in Go's form values. */
async function formOf(request: HttpRequest): Promise<URLSearchParams> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (request.method !== "POST" || type !== "application/x-www-form-urlencoded") return request.query;
  const body = new URLSearchParams(new TextDecoder().decode(await request.body(FORM_BYTES)));
  return new URLSearchParams([...body, ...request.query]);
}

/** The WebSocket, or the answer to a request that is no valid handshake. */
async function accept(request: HttpRequest, protocol: string): Promise<WebSocketConnection | HttpResponse> {
  if (request.upgrade === undefined) return plainAnswer(500, UPGRADE_REQUIRED);
  try {
    return await request.upgrade.acceptWebSocket(protocol, { maxMessageBytes: MESSAGE_BYTES });
  } catch (reason) {
    if (reason instanceof OrlopError && reason.code === "Invalid") return plainAnswer(400, `${reason.message}\n`);
    throw reason;
  }
}

export function createStreamingHandlers(deps: StreamingDeps, options: StreamingOptions): StreamingHandlers {
  const { pods, runtime, client, log } = deps;
  const idleMilliseconds = options.idleMilliseconds ?? FOUR_HOURS;

  /** The running container, or the answer that there is none. */
  function findContainer(target: ContainerTarget): PodContainer | HttpResponse {
    const pod = pods.podByName(target.namespace, target.pod);
    if (pod === undefined) return plainAnswer(404, "pod does not exist");
    const container = pods.container(target.namespace, target.pod, target.container);
    const otherUid = target.uid !== undefined && target.uid !== pod.metadata?.uid;
    if (otherUid || container === undefined || !container.running) {
      return plainAnswer(500, `container not found (${JSON.stringify(target.container)})`);
    }
    return container;
  }

  /** Our headers are the client's, apart from its credentials; so is the method. */
  function passOn(request: HttpRequest, location: RuntimeLocation): Promise<HttpResponse> {
    const headers = forwardedRequestHeaders(request.headers, {
      peerAddress: request.peer.address,
      upgrade: true,
      keepHost: false,
    });
    return forwardUpgrade({
      client,
      request,
      to: { ...location, method: request.method, headers },
      responseHeaders: forwardedResponseHeaders,
      join: (one, other) => spliceUntilIdle(one, other, request.signal),
    });
  }

  async function spliceUntilIdle(one: ByteConnection, other: ByteConnection, outer: AbortSignal): Promise<void> {
    const life = linkAbort(outer);
    const idle = watchIdle(deps.clock, idleMilliseconds, life.signal, () => life.abort());
    try {
      await splice(one, other, life.signal, idle.touch);
    } finally {
      life.abort();
      life.release();
    }
  }

  async function overWebSocket(
    request: HttpRequest,
    location: RuntimeLocation,
    streams: StreamOptions,
  ): Promise<HttpResponse> {
    const socket = await accept(request, CHANNEL_V5);
    if ("status" in socket) return socket;
    const over = new AbortController();
    const end = (): void => {
      over.abort();
      socket.destroy();
    };
    request.signal.addEventListener("abort", end, { once: true });
    const idle = watchIdle(deps.clock, idleMilliseconds, over.signal, end);
    const done = carryCommand({
      socket,
      options: streams,
      openSession: () => openCommand(deps, location, streams, request.signal),
      onActivity: () => idle.touch(),
      signal: over.signal,
    }).finally(() => {
      over.abort();
      request.signal.removeEventListener("abort", end);
    });
    return { status: 101, upgraded: true, done };
  }

  async function command(
    request: HttpRequest,
    target: ContainerTarget,
    kind: "exec" | "attach",
  ): Promise<HttpResponse> {
    const parsed = parseStreamOptions(await formOf(request));
    if (!parsed.ok) return plainAnswer(400, parsed.reason);
    const container = findContainer(target);
    if (!("id" in container)) return container;
    if (!isUpgrade(request.headers) || request.upgrade === undefined) return plainAnswer(500, UPGRADE_REQUIRED);
    // The terminal of an attached container is what its spec says.
    const tty = kind === "attach" ? container.tty : parsed.value.tty;
    const streams = { ...parsed.value, tty, stderr: parsed.value.stderr && !tty };
    const asked = { containerId: container.id, ...streams };
    const url =
      kind === "attach"
        ? await runtime.attachUrl(asked, request.signal)
        : await runtime.execUrl({ ...asked, command: request.query.getAll("command") }, request.signal);
    const location = parseRuntimeLocation(url);
    if (!options.extendWebSockets || !offersProtocol(request.headers, CHANNEL_V5)) return passOn(request, location);
    deps.onWebSocketStream?.(kind);
    return overWebSocket(request, location, streams);
  }

  /** A WebSocket whose messages carry the SPDY bytes of the runtime's port-forward. */
  async function tunnel(request: HttpRequest, location: RuntimeLocation): Promise<HttpResponse> {
    const versions = offeredProtocols(request.headers)
      .filter((protocol) => protocol.startsWith(SPDY_TUNNEL_PREFIX))
      .map((protocol) => protocol.slice(SPDY_TUNNEL_PREFIX.length));
    const { response, connection } = await client.upgrade({
      ...location,
      method: "POST",
      headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": versions },
      signal: request.signal,
    });
    if (connection === undefined) {
      if (response.status < 400) {
        throw new OrlopError("Internal", `invalid upgrade response: status code ${response.status}`);
      }
      return relayResponse(response, forwardedResponseHeaders(response.headers));
    }
    const chosen = response.headers["x-stream-protocol-version"];
    const protocol = typeof chosen === "string" ? `${SPDY_TUNNEL_PREFIX}${chosen.trim()}` : "";
    const socket = await accept(request, protocol);
    if ("status" in socket) {
      connection.destroy();
      return socket;
    }
    return { status: 101, upgraded: true, done: spliceUntilIdle(tunnelConnection(socket), connection, request.signal) };
  }

  async function portForward(request: HttpRequest, target: PodTarget): Promise<HttpResponse> {
    const tunnelled = options.extendWebSockets && offersProtocol(request.headers, PORT_FORWARD_TUNNEL);
    let ports: readonly number[] = [];
    if (!tunnelled && isWebSocketUpgrade(request.headers)) {
      const parsed = parsePortList(request.query.getAll("port"));
      if (!parsed.ok) return plainAnswer(400, parsed.reason);
      ports = parsed.value;
    }
    const pod = pods.podByName(target.namespace, target.pod);
    if (pod === undefined) return plainAnswer(404, "pod does not exist");
    if (target.uid !== undefined && target.uid !== pod.metadata?.uid) return plainAnswer(404, "pod not found");
    const sandboxId = pods.sandboxId(target.namespace, target.pod);
    if (sandboxId === undefined) {
      return plainAnswer(500, `pod not found (${JSON.stringify(`${target.pod}_${target.namespace}`)})`);
    }
    if (!isUpgrade(request.headers) || request.upgrade === undefined) return errorAnswer(500, UPGRADE_REQUIRED);
    const location = parseRuntimeLocation(await runtime.portForwardUrl(sandboxId, ports, request.signal));
    if (!tunnelled) return passOn(request, location);
    deps.onWebSocketStream?.("portforward");
    return tunnel(request, location);
  }

  async function run(request: HttpRequest, target: ContainerTarget): Promise<HttpResponse> {
    const container = findContainer(target);
    if (!("id" in container)) return container;
    const command = ((await formOf(request)).get("cmd") ?? "").split(" ");
    const { stdout, stderr, exitCode } = await runtime.execSync(container.id, command, 0, request.signal);
    if (exitCode !== 0) {
      const text = new TextDecoder().decode(stderr);
      return plainAnswer(500, `command '${command.join(" ")}' exited with ${exitCode}: ${text}`);
    }
    const output = new Uint8Array(stdout.byteLength + stderr.byteLength);
    output.set(stdout);
    output.set(stderr, stdout.byteLength);
    return { status: 200, headers: { "content-type": "application/json" }, body: output };
  }

  async function answered(request: HttpRequest, work: Promise<HttpResponse>): Promise<HttpResponse> {
    try {
      return await work;
    } catch (reason) {
      log.debug("A streaming request failed", { path: request.path, error: messageOf(reason) });
      return runtimeFailureAnswer(reason);
    }
  }

  return {
    exec: (request, target) => answered(request, command(request, target, "exec")),
    attach: (request, target) => answered(request, command(request, target, "attach")),
    portForward: (request, target) => answered(request, portForward(request, target)),
    run: (request, target) => answered(request, run(request, target)),
  };
}
