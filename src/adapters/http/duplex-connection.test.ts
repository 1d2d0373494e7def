import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { duplexConnection } from "./duplex-connection.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function connected(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const far = await accepted;
  far.on("error", () => undefined);
  closing.push(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

async function sizeOf(readable: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of readable) size += chunk.byteLength;
  } catch {
    // The end of a broken connection.
  }
  return size;
}

describe("duplexConnection()", () => {
  it("still gives what the peer sent before it went, when a write finds the peer gone", async () => {
    const [near, far] = await connected();
    const connection = duplexConnection(near, new Uint8Array(0));
    await new Promise<void>((resolve) => far.write(Buffer.alloc(100_000), () => resolve()));
    // Closing with unread input resets the connection.
    await connection.write(Buffer.from("unread"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    far.resetAndDestroy();
    const writing = async (): Promise<void> => {
      for (;;) {
        await connection.write(Buffer.alloc(1000));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await expect(writing()).rejects.toMatchObject({ code: "Unavailable" });
    expect(await sizeOf(connection.readable)).toBe(100_000);
    await expect(connection.write(Buffer.from("x"))).rejects.toMatchObject({ code: "Unavailable" });
  });

  it("delivers all it sent although the peer still talks when it closes", async () => {
    const [near, far] = await connected();
    const connection = duplexConnection(near, new Uint8Array(0));
    const size = 8_000_000;
    const talk = setInterval(() => far.write("and another thing"), 1);
    closing.push(() => clearInterval(talk));
    const sending = (async () => {
      for (let sent = 0; sent < size; sent += 100_000) await connection.write(Buffer.alloc(100_000));
      await connection.end();
      connection.destroy();
    })();
    let received = 0;
    await new Promise<void>((resolve) => {
      far.on("data", (chunk: Buffer) => {
        received += chunk.byteLength;
        // A slow reader: most is still on the way when the sender closes.
        far.pause();
        setTimeout(() => far.resume(), 1);
      });
      far.on("end", resolve).on("close", () => resolve());
    });
    await sending;
    expect(received).toBe(size);
  });

  it("closes when the peer has nothing more to say, however often it is told to", async () => {
    const [near, far] = await connected();
    const connection = duplexConnection(near, new Uint8Array(0));
    const reading = connection.readable[Symbol.asyncIterator]();
    const closed = new Promise((resolve) => near.on("close", resolve));
    far.write(Buffer.alloc(10));
    await reading.next();
    const pending = reading.next().catch(() => undefined);
    await connection.end();
    connection.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    connection.destroy();
    far.write(Buffer.alloc(5_000_000));
    far.end();
    await Promise.all([closed, pending]);
    expect(near.destroyed).toBe(true);
  });

  it("closes at once when it is told why", async () => {
    const [near, far] = await connected();
    const connection = duplexConnection(near, new Uint8Array(0));
    await connection.end();
    const closed = new Promise((resolve) =>
      far
        .on("close", resolve)
        .on("end", () => far.end())
        .resume(),
    );
    connection.destroy(new Error("enough"));
    await closed;
    expect(near.destroyed).toBe(true);
  });
});
