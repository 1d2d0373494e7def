import { inflatePiece } from "../adapters/streams/inflate-piece.ts";
import { encodeOutcome, type CommandOutcome } from "../core/streams/remote-command-status.ts";
import { createSpdyConnection } from "../kubelet/streaming/spdy-connection.ts";
import type { SpdyStream } from "../kubelet/streaming/spdy-stream.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import type { StreamingRuntime, StreamRequest } from "../ports/container-runtime.ts";
import type { HttpRequest, HttpResponse } from "../ports/http.ts";
import { type HttpListener, listenHttp } from "./http-listener.ts";

/** Streams of a session by their type, or "data" and "error" of one forwarded connection. */
export type SessionStreams = ReadonlyMap<string, SpdyStream>;

export interface TestStreamingOptions {
  /** What a command does; its outcome goes to the error stream. */
  readonly command?: (request: StreamRequest, streams: SessionStreams) => Promise<CommandOutcome>;
  /** What a forwarded connection does. */
  readonly forward?: (port: number, data: SpdyStream) => Promise<void>;
}

export interface TestStreamingRuntime {
  readonly runtime: StreamingRuntime;
  /** Requests that reached the streaming server. */
  readonly requests: readonly HttpRequest[];
  stop(): Promise<void>;
}

/** A container runtime's streaming half with a real streaming server: SPDY/3.1, protocol v4, one-time URLs. */
export async function startTestStreaming(options: TestStreamingOptions): Promise<TestStreamingRuntime> {
  const sessions = new Map<string, StreamRequest | "port-forward">();
  const requests: HttpRequest[] = [];
  let listener: HttpListener | undefined;
  let next = 0;
  const mint = (session: StreamRequest | "port-forward"): string => {
    const token = `token${next++}`;
    sessions.set(token, session);
    return `http://127.0.0.1:${listener?.port ?? 0}/session/${token}`;
  };

  async function runCommand(session: StreamRequest, streams: SessionStreams): Promise<void> {
    const outcome: CommandOutcome = await (options.command?.(session, streams) ?? { kind: "success" });
    for (const name of ["stdout", "stderr"]) await streams.get(name)?.end();
    const error = streams.get("error");
    await error?.write(new TextEncoder().encode(encodeOutcome(outcome)));
    await error?.end();
  }

  async function serve(request: HttpRequest): Promise<HttpResponse> {
    requests.push(request);
    const token = request.path.split("/").at(-1) ?? "";
    const session = sessions.get(token);
    sessions.delete(token);
    if (session === undefined) return { status: 404, headers: {}, body: "404 page not found" };
    if (request.upgrade?.protocol !== "spdy/3.1") return { status: 400, headers: {}, body: "no SPDY" };
    const connection = request.upgrade.acceptRaw({
      Connection: "Upgrade",
      Upgrade: "SPDY/3.1",
      "X-Stream-Protocol-Version": request.headers["x-stream-protocol-version"] ?? "",
    });
    const streams = new Map<string, SpdyStream>();
    const wanted =
      session === "port-forward"
        ? 0
        : 1 + [session.stdin, session.stdout, session.stderr, session.tty].filter(Boolean).length;
    const spdy = createSpdyConnection(
      {
        connection,
        inflate: inflatePiece,
        onStream(stream) {
          const type = stream.headers.get("streamtype")?.[0] ?? "";
          if (session === "port-forward") {
            if (type === "data") {
              options.forward?.(Number(stream.headers.get("port")?.[0]), stream).catch(() => stream.reset());
            }
            return true;
          }
          streams.set(type, stream);
          if (streams.size === wanted) runCommand(session, streams).catch(() => spdy.destroy());
          return true;
        },
      },
      { role: "server" },
    );
    return { status: 101, upgraded: true, done: spdy.run() };
  }

  listener = await listenHttp(serve);
  const { stop } = listener;
  return {
    requests,
    stop,
    runtime: {
      async execSync(containerId, command) {
        if (containerId === "gone") throw new OrlopError("NotFound", "no such container");
        const [exitCode = "0"] = command;
        return {
          stdout: new TextEncoder().encode(command.join("+")),
          stderr: new Uint8Array(0),
          exitCode: Number(exitCode) || 0,
        };
      },
      async execUrl(request) {
        if (request.containerId === "gone") throw new OrlopError("NotFound", "no such container");
        if (request.containerId === "busy") throw new OrlopError("ResourceExhausted", "too many sessions");
        return mint(request);
      },
      async attachUrl(request) {
        return mint({ ...request, command: [] });
      },
      async portForwardUrl() {
        return mint("port-forward");
      },
    },
  };
}
