import { OrlopError } from "../../lib/orlop-error.ts";
import type { HttpClient } from "../../ports/http-client.ts";
import { type CommandOutcome, decodeOutcome } from "../../core/streams/remote-command-status.ts";
import { CHANNEL_V4 } from "../../core/streams/protocol-names.ts";
import type { InflatePiece } from "../../core/streams/spdy-headers.ts";
import type { StreamOptions } from "../../core/streams/stream-options.ts";
import type { RuntimeLocation } from "./runtime-location.ts";
import { createSpdyConnection } from "./spdy-connection.ts";
import type { SpdyStream } from "./spdy-stream.ts";

export interface CommandClientDeps {
  readonly client: HttpClient;
  readonly inflate: InflatePiece;
}

/** A command or an attached container on the runtime's streaming server. */
export interface CommandSession {
  readonly stdin?: SpdyStream;
  readonly stdout?: SpdyStream;
  readonly stderr?: SpdyStream;
  readonly resize?: SpdyStream;
  /** How it ended; also tells when the connection broke. Never rejects. */
  readonly outcome: Promise<CommandOutcome>;
  destroy(): void;
}

const ERROR_BYTES = 64 * 1024;

async function readOutcome(stream: SpdyStream): Promise<CommandOutcome> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of stream.readable) {
      if (text.length < ERROR_BYTES) text += decoder.decode(chunk, { stream: true });
    }
  } catch (cause) {
    // After a complete status the connection may go as it likes.
    if (text === "") {
      const why = cause instanceof Error ? cause.message : String(cause);
      return { kind: "failure", message: `error reading from error stream: ${why}` };
    }
  }
  return decodeOutcome(text);
}

/**
 * Opens a session with protocol v4 over SPDY/3.1. The streams are those of `options`; a terminal also has `resize`.
 * Throws OrlopError when the runtime does not take the session.
 */
export async function openCommand(
  deps: CommandClientDeps,
  location: RuntimeLocation,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<CommandSession> {
  const { response, connection } = await deps.client.upgrade({
    ...location,
    method: "POST",
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": CHANNEL_V4 },
    signal,
  });
  if (connection === undefined) {
    let text = "";
    for await (const chunk of response.body) {
      text += new TextDecoder().decode(chunk);
      if (text.length > ERROR_BYTES) break;
    }
    throw new OrlopError("Unavailable", `unable to upgrade connection: ${text.trim() || `status ${response.status}`}`, {
      retry: "never",
    });
  }
  const spdy = createSpdyConnection({ connection, inflate: deps.inflate }, { role: "client" });
  spdy.run().catch(() => undefined);
  const open = (type: string): Promise<SpdyStream> => spdy.open(new Map([["streamtype", [type]]]));
  try {
    // The runtime waits for exactly these streams, and drops data on those it has not accepted yet.
    const error = await open("error");
    const stdin = options.stdin ? await open("stdin") : undefined;
    const stdout = options.stdout ? await open("stdout") : undefined;
    const stderr = options.stderr ? await open("stderr") : undefined;
    const resize = options.tty ? await open("resize") : undefined;
    await Promise.all([error, stdin, stdout, stderr, resize].map((stream) => stream?.accepted));
    return {
      ...(stdin !== undefined && { stdin }),
      ...(stdout !== undefined && { stdout }),
      ...(stderr !== undefined && { stderr }),
      ...(resize !== undefined && { resize }),
      outcome: readOutcome(error),
      destroy: () => spdy.destroy(),
    };
  } catch (cause) {
    spdy.destroy();
    throw cause;
  }
}
