import { messageOf } from "../../lib/orlop-error.ts";
import type { WebSocketConnection } from "../../ports/http.ts";
import { CHANNEL, decodeChannelMessage, encodeChannelMessage } from "../../core/streams/channels.ts";
import { type CommandOutcome, encodeOutcome } from "../../core/streams/remote-command-status.ts";
import type { StreamOptions } from "../../core/streams/stream-options.ts";
import type { CommandSession } from "./command-client.ts";
import type { SpdyStream } from "./spdy-stream.ts";

export interface CommandOverWebSocket {
  readonly socket: WebSocketConnection;
  readonly options: StreamOptions;
  readonly openSession: () => Promise<CommandSession>;
  /** Something moved, in either direction. */
  readonly onActivity: () => void;
  /** Ends the session at once: the client is gone, even if what it sent is not all delivered, or nobody used it. */
  readonly signal: AbortSignal;
}

const NOTHING = new Uint8Array(0);

/** Tells the client that it is connected: one empty message on the lowest channel it may read. */
function greet(socket: WebSocketConnection, options: StreamOptions): Promise<void> {
  const channel = options.stdout ? CHANNEL.stdout : options.stderr ? CHANNEL.stderr : CHANNEL.error;
  return socket.send(encodeChannelMessage(channel, NOTHING));
}

/** Client to container, until the client closes the connection. */
async function receive(carried: CommandOverWebSocket, session: CommandSession): Promise<void> {
  const { stdin, resize } = session;
  /** A process that ended or closed its stdin takes no more; the client need not know. */
  const give = async (stream: SpdyStream | undefined, data: Uint8Array): Promise<void> => {
    try {
      await stream?.write(data);
    } catch {
      // Its outcome tells.
    }
  };
  for await (const { data } of carried.socket.messages) {
    carried.onActivity();
    const message = decodeChannelMessage(data);
    if (message === undefined) continue;
    if (message.channel === CHANNEL.stdin) await give(stdin, message.data);
    else if (message.channel === CHANNEL.resize) await give(resize, message.data);
    else if (message.channel === CHANNEL.close && message.data[0] === CHANNEL.stdin) {
      await stdin?.end().catch(() => undefined);
    }
  }
}

/** Container to client. */
async function deliver(carried: CommandOverWebSocket, stream: SpdyStream | undefined, channel: number): Promise<void> {
  if (stream === undefined) return;
  try {
    for await (const data of stream.readable) {
      carried.onActivity();
      await carried.socket.send(encodeChannelMessage(channel, data));
    }
  } catch {
    // The runtime is gone, which the outcome tells, or the client is, and then nobody wants to know.
  }
}

/** What a stream gives that nobody should: read it away, so that it does not hold up its connection. */
async function ignore(stream: SpdyStream | undefined): Promise<void> {
  if (stream === undefined) return;
  try {
    for await (const data of stream.readable) void data;
  } catch {
    // Gone.
  }
}

/**
 * Carries remote command v5 of a WebSocket to a session of the runtime and back: standard streams, terminal size,
 * half-close of stdin, and last of all the outcome on the error channel. Resolves when it is over.
 */
export async function carryCommand(carried: CommandOverWebSocket): Promise<void> {
  const { socket, options } = carried;
  const finish = async (outcome: CommandOutcome): Promise<void> => {
    await socket.send(encodeChannelMessage(CHANNEL.error, new TextEncoder().encode(encodeOutcome(outcome))));
    await socket.close(1000);
  };
  await greet(socket, options);
  let session: CommandSession;
  try {
    session = await carried.openSession();
  } catch (cause) {
    await finish({ kind: "failure", message: messageOf(cause) });
    return;
  }
  const ended = async (): Promise<void> => {
    await Promise.all([
      deliver(carried, session.stdout, CHANNEL.stdout),
      deliver(carried, session.stderr, CHANNEL.stderr),
    ]);
    await finish(await session.outcome);
  };
  ignore(session.stdin).catch(() => undefined);
  ignore(session.resize).catch(() => undefined);
  // A write that the container does not take would hide that the client is gone; the signal tells.
  const cut = (): void => session.destroy();
  carried.signal.addEventListener("abort", cut, { once: true });
  if (carried.signal.aborted) cut();
  const received = receive(carried, session);
  try {
    // The client going away ends it as well; so does a broken runtime, whose outcome is then a failure.
    await Promise.race([ended(), received]);
  } finally {
    carried.signal.removeEventListener("abort", cut);
    session.destroy();
    received.catch(() => undefined);
  }
}
