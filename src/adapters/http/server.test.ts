import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { createServer, connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { afterEach, describe, expect, it } from "vitest";
import { badRequest } from "../../api/status-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../ports/http.ts";
import {
  createTestIdentities,
  type HttpListener,
  listenHttp,
  type TestIdentities,
} from "../../testing/http-listener.ts";
import { quietLog } from "../../testing/quiet.ts";
import { standsStill } from "../../testing/stands-still.ts";
import { createHttpServer } from "./server.ts";

const identities: Promise<TestIdentities> = createTestIdentities(Date.now());
const listeners: HttpListener[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
});

async function listen(handler: HttpHandler, options: Parameters<typeof listenHttp>[1] = {}): Promise<HttpListener> {
  const listener = await listenHttp(handler, options);
  listeners.push(listener);
  return listener;
}

async function listenTls(handler: HttpHandler): Promise<HttpListener> {
  const { serving } = await identities;
  return listen(handler, { tls: { ...serving, requestCert: true } });
}

/** Sends bytes, half-closes when asked to, returns all that comes back. */
function exchange(port: number, bytes: string, options: { readonly halfClose?: boolean } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain({ port, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("end", () => {
      socket.destroy();
      resolve(text);
    });
    socket.on("error", reject);
    socket.write(bytes);
    if (options.halfClose === true) socket.end();
  });
}

function statusOf(text: string): string {
  return text.slice(0, text.indexOf("\r\n"));
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function getHttp2(port: number, headers: Record<string, string>, body?: Buffer): Promise<Answer> {
  const { ca, client } = await identities;
  const session = connectHttp2(`https://localhost:${port}`, { ca, ...client });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request(headers, { endStream: body === undefined });
      let answered: Record<string, unknown> = {};
      let text = "";
      stream.on("response", (fields) => {
        answered = fields;
      });
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on("end", () => resolve({ status: Number(answered[":status"]), headers: answered, body: text }));
      stream.on("error", reject);
      if (body !== undefined) stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

function describeRequest(request: HttpRequest): HttpResponse {
  const { method, path, target, httpVersion, peer, headers } = request;
  const seen = {
    method,
    path,
    target,
    httpVersion,
    query: [...request.query],
    certificates: peer.certificates.length,
    encrypted: peer.encrypted,
    x: headers["x-twice"],
    host: headers["host"],
  };
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(seen) };
}

async function echo(request: HttpRequest): Promise<HttpResponse> {
  return { status: 200, headers: {}, body: await request.body(1000) };
}

describe("createHttpServer()", () => {
  it("serves HTTP/2 and HTTP/1.1 on one port, with the same view of a request", async () => {
    const { ca, client } = await identities;
    const { port } = await listenTls(async (request) => describeRequest(request));
    const second = await getHttp2(port, { ":path": "/a%20b/%2F?x=1&x=2", "x-twice": "1" });
    const first = await new Promise<string>((resolve, reject) => {
      httpsRequest(
        { host: "localhost", port, path: "/a%20b/%2F?x=1&x=2", ca, ...client, headers: { "X-Twice": "1" } },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on("end", () => resolve(text));
        },
      )
        .on("error", reject)
        .end();
    });
    const expected = {
      method: "GET",
      path: "/a b//",
      target: "/a%20b/%2F?x=1&x=2",
      query: [
        ["x", "1"],
        ["x", "2"],
      ],
      encrypted: true,
      x: "1",
      host: `localhost:${port}`,
    };
    expect(JSON.parse(second.body)).toMatchObject({ ...expected, httpVersion: "2.0" });
    expect(JSON.parse(first)).toMatchObject({ ...expected, httpVersion: "1.1" });
    expect(JSON.parse(first).certificates).toBeGreaterThan(0);
  });

  it("serves clients without a certificate, and says so", async () => {
    const { ca } = await identities;
    const { port } = await listenTls(async (request) => describeRequest(request));
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: "localhost", port, ca, ALPNProtocols: ["http/1.1"] });
      let seen = "";
      socket.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
      });
      socket.on("end", () => resolve(seen));
      socket.on("error", reject);
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    });
    expect(text).toContain('"certificates":0');
  });

  it("serves a reloaded certificate to new connections", async () => {
    const other = await createTestIdentities(Date.now());
    const { port, server } = await listenTls(async (request) => describeRequest(request));
    server.reloadCertificate(other.serving);
    const authorized = await new Promise<boolean>((resolve, reject) => {
      const socket = connectTls({ host: "localhost", port, ca: other.ca }, () => {
        resolve(socket.authorized);
        socket.destroy();
      });
      socket.on("error", reject);
    });
    expect(authorized).toBe(true);
    expect(() => server.reloadCertificate({ cert: "x", key: "y" })).toThrow("not usable");
  });

  it.each([
    [
      "a malformed percent-encoding",
      "GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 400 Bad Request",
    ],
    ["garbage", "what is this\r\n\r\n", "HTTP/1.1 400 Bad Request"],
    [
      "headers over the limit",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(1_100_000)}\r\n\r\n`,
      "HTTP/1.1 431 Request Header Fields Too Large",
    ],
    [
      "a body over the limit",
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${"x".repeat(2000)}`,
      "HTTP/1.1 413 Payload Too Large",
    ],
    [
      "a chunked body over the limit",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`,
      "HTTP/1.1 413 Payload Too Large",
    ],
    [
      "both a length and chunks",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 400 Bad Request",
    ],
  ])("answers %s itself", async (_, bytes, status) => {
    const { port } = await listen(echo);
    expect(statusOf(await exchange(port, bytes))).toBe(status);
  });

  it("keeps to the TLS version, cipher suites and key exchanges it is told", async () => {
    const { serving, ca } = await identities;
    const rules = {
      curvePreferences: [24],
      cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
    };
    const lenient = await listen(async () => ({ status: 200, headers: {} }), { tls: { ...serving, ...rules } });
    const strict = await listen(async () => ({ status: 200, headers: {} }), {
      tls: { ...serving, minVersion: "TLSv1.3" },
    });
    const shake = (port: number, options: ConnectionOptions): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ port, host: "localhost", ca, ...options }, () => {
          resolve(`${socket.getProtocol() ?? ""} ${socket.getCipher().standardName}`);
          socket.destroy();
        });
        socket.on("error", () => resolve("refused"));
      });
    expect(await shake(lenient.port, { ecdhCurve: "P-256" })).toBe("refused");
    expect(await shake(lenient.port, { ecdhCurve: "P-384:P-256", maxVersion: "TLSv1.2" })).toMatch(
      /^TLSv1\.2 TLS_ECDHE_(RSA|ECDSA)_WITH_AES_256_GCM_SHA384$/,
    );
    const other = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
    expect(await shake(lenient.port, { ecdhCurve: "P-384:P-256", maxVersion: "TLSv1.2", ciphers: other })).toBe(
      "refused",
    );
    expect(await shake(strict.port, { maxVersion: "TLSv1.2" })).toBe("refused");
    expect(await shake(strict.port, {})).toMatch(/^TLSv1\.3 /);
  });

  it("answers 413 over HTTP/2 as well", async () => {
    const { port } = await listenTls(echo);
    expect(await getHttp2(port, { ":path": "/", ":method": "POST" }, Buffer.alloc(5000))).toMatchObject({
      status: 413,
    });
    expect(await getHttp2(port, { ":path": "/%zz" })).toMatchObject({ status: 400 });
    expect(await getHttp2(port, { ":path": "/", ":method": "POST" }, Buffer.from("hello"))).toMatchObject({
      body: "hello",
    });
  });

  it("gives up on clients that send their headers or their body too slowly", async () => {
    const { port } = await listen(echo, { limits: { headersMilliseconds: 100, bodyMilliseconds: 100 } });
    const answers = await Promise.all([
      exchange(port, "GET / HTTP/1.1\r\nHost:"),
      exchange(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
    ]);
    expect(answers.map(statusOf)).toEqual(["HTTP/1.1 408 Request Timeout", "HTTP/1.1 408 Request Timeout"]);
  });

  it("closes idle connections", async () => {
    const { port } = await listen(echo, { limits: { idleMilliseconds: 50 } });
    expect(await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).toContain("200 OK");
  });

  it("renders thrown failures: a Status as it is, others without their text", async () => {
    const { port } = await listen(async (request) => {
      throw request.path === "/status" ? badRequest("no good") : new Error("secret");
    });
    const close = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const status = await exchange(port, `GET /status ${close}`);
    const other = await exchange(port, `GET / ${close}`);
    expect([statusOf(status), status.includes('"message":"no good"')]).toEqual(["HTTP/1.1 400 Bad Request", true]);
    expect([statusOf(other), other.includes("secret")]).toEqual(["HTTP/1.1 500 Internal Server Error", false]);
  });

  it("answers requests that were sent without waiting, in order", async () => {
    const { port } = await listen(async (request) => {
      // The first takes longest.
      await new Promise((resolve) => setTimeout(resolve, request.path === "/1" ? 30 : 0));
      return { status: 200, headers: {}, body: request.path };
    });
    const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
    const text = await exchange(port, get("/1") + get("/2") + get("/3", "Connection: close\r\n"));
    expect(text.match(/^\/\d/gm)).toEqual(["/1", "/2", "/3"]);
  });

  it("takes an offer to go on with HTTP/2 for what it is", async () => {
    const { port } = await listen(async ({ upgrade }) => ({ status: 200, headers: {}, body: String(upgrade) }));
    const offer = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    expect((await exchange(port, offer)).endsWith("undefined")).toBe(true);
  });

  it("sends no body for HEAD but its length", async () => {
    const { port } = await listen(async () => ({ status: 200, headers: {}, body: "hello" }));
    const text = await exchange(port, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(text).toMatch(/content-length: 5/i);
    expect(text.endsWith("\r\n\r\n")).toBe(true);
  });

  it("stops a streaming body while its client does not read, and ends it when the client goes", async () => {
    let written = 0;
    let ended: (seen: unknown) => void = () => undefined;
    const end = new Promise((resolve) => {
      ended = resolve;
    });
    const { port } = await listen(async (request) => ({
      status: 200,
      headers: {},
      body: async (writer) => {
        try {
          for (;;) {
            await writer.write(new Uint8Array(64 * 1024));
            written += 64 * 1024;
          }
        } catch (reason) {
          ended([reason, request.signal.aborted]);
          throw reason;
        }
      },
    }));
    const socket: Socket = connectPlain({ port, host: "127.0.0.1" });
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await standsStill(() => written)).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
    expect(await end).toEqual([expect.objectContaining({ code: "Cancelled" }), true]);
  });

  it("delivers large bodies whole over both protocols", async () => {
    const large = "0123456789abcdef".repeat(400_000);
    const { port } = await listenTls(async () => ({ status: 200, headers: {}, body: large }));
    expect((await getHttp2(port, { ":path": "/" })).body === large).toBe(true);
  });

  it("hands over raw bytes after an upgrade, those sent early included, and keeps half-closes", async () => {
    const { port } = await listen(async ({ upgrade }) => {
      if (upgrade === undefined) return { status: 500, headers: {} };
      const connection = upgrade.acceptRaw({ Upgrade: upgrade.protocol, Connection: "Upgrade" });
      const done = (async () => {
        let text = "";
        for await (const chunk of connection.readable) text += Buffer.from(chunk).toString();
        await connection.write(Buffer.from(`got ${text}`));
        await connection.end();
      })();
      return { status: 101, upgraded: true, done };
    });
    const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";
    const text = await exchange(port, `${head}early`, { halfClose: true });
    expect(text).toBe("HTTP/1.1 101 Switching Protocols\r\nUpgrade: spdy/3.1\r\nConnection: Upgrade\r\n\r\ngot early");
  });

  it("answers an upgrade that the handler does not take, with the body that came before it", async () => {
    const { port } = await listen(echo);
    const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello";
    const text = await exchange(port, head);
    expect([statusOf(text), text.endsWith("hello")]).toEqual(["HTTP/1.1 200 OK", true]);
  });

  it("speaks WebSocket with the protocol the handler chose", async () => {
    const { port } = await listen(async ({ upgrade }) => {
      const socket = await upgrade?.acceptWebSocket("b");
      if (socket === undefined) return { status: 500, headers: {} };
      const done = (async () => {
        for await (const message of socket.messages) await socket.send(message.data, { binary: message.binary });
      })();
      return { status: 101, upgraded: true, done };
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, ["a", "b"]);
    const received = await new Promise((resolve, reject) => {
      client.on("open", () => client.send("text"));
      client.on("message", (data, binary) => resolve([client.protocol, String(data), binary]));
      client.on("error", reject);
    });
    const closed = new Promise((resolve) => client.on("close", resolve));
    client.close(1000);
    expect([received, await closed]).toEqual([["b", "text", false], 1000]);
  });

  it.each([
    ["without a key", "GET", "Sec-WebSocket-Version: 13\r\n", "400 Bad Request"],
    [
      "of another version",
      "GET",
      "Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
      "400 Bad Request",
    ],
    [
      "by POST",
      "POST",
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
      "400 Bad Request",
    ],
  ])("answers a WebSocket handshake %s with 400", async (_, method, headers, status) => {
    const { port } = await listen(async ({ upgrade }) => {
      await upgrade?.acceptWebSocket("");
      return { status: 200, headers: {} };
    });
    const head = `${method} / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`;
    expect(statusOf(await exchange(port, head))).toBe(`HTTP/1.1 ${status}`);
  });

  it("lets a running request finish at stop, and ends streams by their signal", async () => {
    let finish = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const listener = await listenHttp(
      async (request) => {
        if (request.path === "/slow") {
          finish();
          await new Promise((resolve) => setTimeout(resolve, 60));
          return { status: 200, headers: {}, body: "done" };
        }
        return {
          status: 200,
          headers: {},
          body: async (writer) => {
            await writer.write("first");
            await new Promise((resolve) => request.signal.addEventListener("abort", resolve, { once: true }));
            await writer.write("last");
          },
        };
      },
      { limits: { drainMilliseconds: 300, graceMilliseconds: 2000 } },
    );
    const slow = exchange(listener.port, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const stream = exchange(listener.port, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    await started;
    await listener.stop();
    expect((await slow).endsWith("done")).toBe(true);
    expect(await stream).toContain("last");
  });

  it("says which port is taken and what to do", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const address = holder.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const server = createHttpServer(
      { handler: echo, log: quietLog() },
      { name: "kubelet API", host: "127.0.0.1", port, tls: undefined },
    );
    await expect(server.run(new AbortController().signal, () => undefined)).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port} for the kubelet API: another process listens there; stop it or choose another port`,
    );
    holder.close();
  });
});
