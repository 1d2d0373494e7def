import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inflatePiece } from "../../adapters/streams/inflate-piece.ts";
import { createBytePipe, type PipeEnd } from "../../testing/byte-pipe.ts";
import { createSpdyConnection, type SpdyConnection } from "./spdy-connection.ts";
import type { SpdyStream } from "./spdy-stream.ts";

interface Pair {
  readonly client: SpdyConnection;
  readonly server: SpdyConnection;
  readonly wires: readonly [PipeEnd, PipeEnd];
  readonly ended: Promise<readonly PromiseSettledResult<void>[]>;
}

function connect(onStream: (stream: SpdyStream) => boolean, maxStreams = 1000): Pair {
  const wires = createBytePipe();
  const client = createSpdyConnection({ connection: wires[0], inflate: inflatePiece }, { role: "client" });
  const server = createSpdyConnection(
    { connection: wires[1], inflate: inflatePiece, onStream },
    { role: "server", maxStreams },
  );
  return { client, server, wires, ended: Promise.allSettled([client.run(), server.run()]) };
}

async function bytesOf(stream: SpdyStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream.readable) parts.push(part);
  return Uint8Array.from(Buffer.concat(parts));
}

async function echo(stream: SpdyStream): Promise<void> {
  for await (const part of stream.readable) await stream.write(part);
  await stream.end();
}

const type = (name: string): ReadonlyMap<string, readonly string[]> => new Map([["streamtype", [name]]]);

describe("createSpdyConnection()", () => {
  it("carries many streams at once, whole and in order, whatever the sizes of the writes", async () => {
    const transfer = fc.array(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 6 }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(transfer, async (plans) => {
        const { client, ended } = connect((stream) => {
          echo(stream).catch(() => stream.reset());
          return true;
        });
        const results = await Promise.all(
          plans.map(async (sizes, index) => {
            const stream = await client.open(type(`s${index}`));
            await stream.accepted;
            const chunks = sizes.map((size, at) => new Uint8Array(size).fill(index * 16 + at));
            const send = async (): Promise<void> => {
              for (const chunk of chunks) await stream.write(chunk);
              await stream.end();
            };
            const [received] = await Promise.all([bytesOf(stream), send()]);
            return Buffer.concat(chunks).equals(received);
          }),
        );
        expect(results.every(Boolean)).toBe(true);
        client.destroy();
        await ended;
      }),
      { numRuns: 20 },
    );
  });

  it("tells the server the headers of a stream, block after block", async () => {
    const seen: unknown[] = [];
    const { client } = connect((stream) => {
      seen.push([stream.id, Object.fromEntries(stream.headers)]);
      return true;
    });
    await Promise.all(
      (await Promise.all([client.open(type("error")), client.open(type("data"))])).map((s) => s.accepted),
    );
    expect(seen).toEqual([
      [1, { streamtype: ["error"] }],
      [3, { streamtype: ["data"] }],
    ]);
  });

  it("keeps reading after the other side half-closed", async () => {
    let serverSide: SpdyStream | undefined;
    const { client } = connect((stream) => {
      serverSide = stream;
      return true;
    });
    const stream = await client.open(type("stdin"));
    await stream.accepted;
    await stream.end();
    expect(serverSide && (await bytesOf(serverSide))).toEqual(new Uint8Array(0));
    await serverSide?.write(Uint8Array.of(1, 2));
    await serverSide?.end();
    expect(await bytesOf(stream)).toEqual(Uint8Array.of(1, 2));
    await expect(stream.write(Uint8Array.of(3))).rejects.toThrow("closed for writing");
  });

  it("refuses streams the handler or the limit refuses", async () => {
    const { client } = connect((stream) => stream.headers.get("streamtype")?.[0] !== "bad", 2);
    const bad = await client.open(type("bad"));
    await expect(bad.accepted).rejects.toThrow("status 3");
    const good = await Promise.all([client.open(type("a")), client.open(type("b")), client.open(type("c"))]);
    const outcomes = await Promise.allSettled(good.map((stream) => stream.accepted));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });

  it("ends a stream on both sides when one side resets it, and leaves the others alone", async () => {
    const streams: SpdyStream[] = [];
    const { client } = connect((stream) => {
      streams.push(stream);
      return true;
    });
    const [first, second] = await Promise.all([client.open(type("a")), client.open(type("b"))]);
    await Promise.all([first.accepted, second.accepted]);
    first.reset();
    await expect(streams[0] && bytesOf(streams[0])).rejects.toThrow("reset by the peer");
    await second.write(Uint8Array.of(7));
    await second.end();
    expect(streams[1] && (await bytesOf(streams[1]))).toEqual(Uint8Array.of(7));
  });

  it("holds a bounded amount for a stream nobody reads", async () => {
    const { client, server, wires, ended } = connect(() => true);
    const stream = await client.open(type("stdin"));
    await stream.accepted;
    let sent = 0;
    const send = async (): Promise<void> => {
      for (;;) {
        await stream.write(new Uint8Array(32 * 1024));
        sent += 32 * 1024;
      }
    };
    const sending = send().catch(() => undefined);
    for (let turn = 0; turn < 5000; turn++) await Promise.resolve();
    expect(sent).toBeLessThan(1024 * 1024);
    expect(wires[0].unread).toBeLessThan(256 * 1024);
    client.destroy();
    server.destroy();
    await Promise.all([sending, ended]);
  });

  it("answers pings, and fails waiting ones when the connection is lost", async () => {
    const { client, server } = connect(() => true);
    await Promise.all([client.ping(), server.ping()]);
    const [lonely] = createBytePipe();
    const alone = createSpdyConnection({ connection: lonely, inflate: inflatePiece }, { role: "client" });
    const run = alone.run().catch(() => undefined);
    const ping = alone.ping();
    alone.destroy();
    await expect(ping).rejects.toThrow("closed");
    await run;
  });

  it("opens nothing after the peer said goodbye, and lets open streams finish", async () => {
    let serverSide: SpdyStream | undefined;
    const { client, server } = connect((stream) => {
      serverSide = stream;
      return true;
    });
    const stream = await client.open(type("a"));
    await stream.accepted;
    await server.goAway();
    await server.ping();
    await expect(client.open(type("b"))).rejects.toThrow("no new streams");
    await serverSide?.write(Uint8Array.of(1));
    await serverSide?.end();
    expect(await bytesOf(stream)).toEqual(Uint8Array.of(1));
  });

  it("gives readers what arrived before the connection broke, then the failure", async () => {
    let serverSide: SpdyStream | undefined;
    const { client, wires, server } = connect((stream) => {
      serverSide = stream;
      return true;
    });
    const stream = await client.open(type("a"));
    await stream.accepted;
    await serverSide?.write(Uint8Array.of(5));
    await server.ping();
    wires[1].destroy(new Error("cable cut"));
    const iterator = stream.readable[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toEqual(Uint8Array.of(5));
    await expect(iterator.next()).rejects.toThrow("cable cut");
  });

  it("gives up on a peer that does not speak SPDY", async () => {
    const [wire, other] = createBytePipe();
    const connection = createSpdyConnection({ connection: wire, inflate: inflatePiece }, { role: "server" });
    const run = connection.run();
    await other.write(new TextEncoder().encode("\u0080GET / HTTP/1.1\r\n\r\n").slice(1));
    await expect(run).rejects.toThrow("SPDY");
  });
});
