import { createHash, X509Certificate } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpHandler } from "../../ports/http.ts";
import type { ClientRequest } from "../../ports/http-client.ts";
import { createTestIdentities, type HttpListener, listenHttp } from "../../testing/http-listener.ts";
import { type ClientTls, createHttpClient } from "./client.ts";

const identities = createTestIdentities(Date.now());
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function listen(handler: HttpHandler, tls = true): Promise<HttpListener> {
  const { serving } = await identities;
  const listener = await listenHttp(handler, tls ? { tls: { ...serving, requestCert: true } } : {});
  running.push(listener);
  return listener;
}

const plain = createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) });
const request = (port: number, more: Partial<ClientRequest> = {}): ClientRequest => ({
  scheme: "http",
  host: "127.0.0.1",
  port,
  target: "/",
  method: "GET",
  signal: new AbortController().signal,
  ...more,
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
}

describe("send()", () => {
  it("sends the target as it is, and keeps repeated headers apart", async () => {
    const { port } = await listen(
      async ({ target }) => ({ status: 201, headers: { "set-cookie": ["a", "b"], x: "1" }, body: target }),
      false,
    );
    const response = await plain.send(request(port, { target: "/a/../%2F//b?x=%20" }));
    expect([response.status, response.headers["set-cookie"], response.headers["x"]]).toEqual([201, ["a", "b"], "1"]);
    expect(await textOf(response.body)).toBe("/a/../%2F//b?x=%20");
  });

  it("streams a body of unknown length", async () => {
    const { port } = await listen(
      async (incoming) => ({ status: 200, headers: {}, body: await incoming.body(1_000_000) }),
      false,
    );
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 50; index++) yield new Uint8Array(10_000).fill(97);
    }
    const response = await plain.send(request(port, { method: "POST", body: pieces() }));
    expect((await textOf(response.body)).length).toBe(500_000);
  });

  it.each<[string, (ca: string, sha256: string) => ClientTls["trust"], boolean]>([
    ["the authority", (ca) => ({ by: "ca", ca }), true],
    ["another authority", () => ({ by: "ca", ca: "" }), false],
    ["the fingerprint", (_, sha256) => ({ by: "fingerprint", sha256: [sha256] }), true],
    ["another fingerprint", () => ({ by: "fingerprint", sha256: ["00"] }), false],
    ["nobody", () => ({ by: "nobody" }), true],
  ])("trusts a server by %s", async (_, trust, expected) => {
    const { ca, serving, client: own } = await identities;
    const seen: number[] = [];
    const { port } = await listen(async ({ peer }) => {
      seen.push(peer.certificates.length);
      return { status: 200, headers: {} };
    });
    const sha256 = createHash("sha256").update(new X509Certificate(serving.cert).raw).digest("hex");
    const tls = (): ClientTls => ({ trust: trust(ca, sha256), cert: own.cert, key: own.key });
    const sent = createHttpClient({ tls }).send(request(port, { scheme: "https" }));
    if (expected) expect((await sent).status).toBe(200);
    else await expect(sent).rejects.toMatchObject({ code: "Unavailable" });
    // A server that is not trusted never sees a request.
    expect(seen.length).toBe(expected ? 1 : 0);
    if (expected) expect(seen[0]).toBeGreaterThan(0);
  });

  it("survives servers that close idle connections", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        socket.once("data", () => socket.destroy());
      });
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    running.push({
      stop: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        }),
    });
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const client = createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) });
    for (let turn = 0; turn < 4; turn++) {
      const response = await client.send(request(port));
      expect(await textOf(response.body)).toBe("ok");
    }
  });

  it("ends with its signal, also while the answer streams", async () => {
    const { port } = await listen(
      async ({ signal }) => ({
        status: 200,
        headers: {},
        body: async (writer) => {
          await writer.write("first");
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        },
      }),
      false,
    );
    const stop = new AbortController();
    const response = await plain.send(request(port, { signal: stop.signal }));
    const iterator = response.body[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value as Uint8Array).toString()).toBe("first");
    stop.abort();
    await expect(iterator.next()).rejects.toMatchObject({ code: "Unavailable" });
    await expect(plain.send(request(port, { signal: stop.signal }))).rejects.toMatchObject({ code: "Cancelled" });
  });

  it("says where it could not get through", async () => {
    await expect(plain.send(request(1))).rejects.toThrow("Cannot reach http://127.0.0.1:1: connect ECONNREFUSED");
  });
});

describe("upgrade()", () => {
  it("hands over the connection at 101, with what came right behind it, and keeps half-closes", async () => {
    const { ca } = await identities;
    const { port } = await listen(async ({ upgrade }) => {
      if (upgrade === undefined) return { status: 400, headers: {} };
      const connection = upgrade.acceptRaw({ Upgrade: "echo", Connection: "Upgrade" });
      const done = (async () => {
        await connection.write(Buffer.from("welcome "));
        for await (const chunk of connection.readable) await connection.write(chunk);
        await connection.end();
      })();
      return { status: 101, upgraded: true, done };
    });
    const client = createHttpClient({ tls: () => ({ trust: { by: "ca", ca } }) });
    const headers = { connection: "Upgrade", upgrade: "echo" };
    const { response, connection } = await client.upgrade(
      request(port, { scheme: "https", host: "localhost", headers }),
    );
    expect([response.status, response.headers["upgrade"]]).toEqual([101, "echo"]);
    await connection?.write(Buffer.from("there"));
    await connection?.end();
    expect(connection && (await textOf(connection.readable))).toBe("welcome there");
  });

  it("returns any other answer as an answer", async () => {
    const { port } = await listen(async () => ({ status: 403, headers: {}, body: "no" }), false);
    const { response, connection } = await plain.upgrade(
      request(port, { headers: { connection: "Upgrade", upgrade: "x" } }),
    );
    expect([response.status, connection, await textOf(response.body)]).toEqual([403, undefined, "no"]);
  });
});
