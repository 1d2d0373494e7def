import { describe, expect, it } from "vitest";
import { inflatePiece } from "../../adapters/streams/inflate-piece.ts";
import type { WebSocketConnection, WebSocketMessage } from "../../ports/http.ts";
import { createBytePipe } from "../../testing/byte-pipe.ts";
import { standsStill } from "../../testing/stands-still.ts";
import type { CommandSession } from "./command-client.ts";
import { carryCommand } from "./command-over-websocket.ts";
import { createSpdyConnection } from "./spdy-connection.ts";

async function* endlessInput(): AsyncGenerator<WebSocketMessage> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    yield { binary: true, data: new Uint8Array(100_000) };
  }
}

describe("carryCommand()", () => {
  it("ends when its signal aborts, even while the container takes no input", async () => {
    const [near, far] = createBytePipe();
    const client = createSpdyConnection({ connection: near, inflate: inflatePiece }, { role: "client" });
    const runtime = createSpdyConnection(
      { connection: far, inflate: inflatePiece, onStream: () => true },
      { role: "server" },
    );
    const runs = [client.run(), runtime.run()].map((run) => run.catch(() => undefined));
    const open = (type: string) => client.open(new Map([["streamtype", [type]]]));
    const [stdin, stdout] = await Promise.all([open("stdin"), open("stdout")]);
    let destroyed = false;
    let leave = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const session: CommandSession = {
      stdin,
      stdout,
      outcome: stdout.accepted.then(async () => {
        await gone;
        return { kind: "failure", message: "gone" };
      }),
      destroy() {
        destroyed = true;
        client.destroy();
        leave();
      },
    };
    let taken = 0;
    const socket: WebSocketConnection = {
      protocol: "v5.channel.k8s.io",
      messages: (async function* counted() {
        for await (const message of endlessInput()) {
          taken += 1;
          yield message;
        }
      })(),
      send: async () => undefined,
      close: async () => undefined,
      destroy: () => undefined,
    };
    const aborting = new AbortController();
    const carried = carryCommand({
      socket,
      options: { stdin: true, stdout: true, stderr: false, tty: false },
      openSession: async () => session,
      onActivity: () => undefined,
      signal: aborting.signal,
    });
    expect(await standsStill(() => taken)).toBeLessThan(50);
    aborting.abort();
    await carried.catch(() => undefined);
    expect(destroyed).toBe(true);
    runtime.destroy();
    await Promise.all(runs);
  });
});
