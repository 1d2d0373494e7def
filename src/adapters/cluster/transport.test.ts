import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createAuthority } from "../tls/certificate-authority.ts";
import { generateKeyPair } from "../tls/key-pair.ts";
import type { ClusterConnection } from "./connection.ts";
import { type ClosableTransport, createClusterTransport } from "./transport.ts";

const signal = new AbortController().signal;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const plain = async (handler: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createPlainServer(handler))}`;

function transportTo(connection: ClusterConnection, clock = createFakeClock()): ClosableTransport {
  const transport = createClusterTransport(connection, { clock });
  undo.push(() => transport.close());
  return transport;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += new TextDecoder().decode(chunk);
  return text;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return textOf(request as AsyncIterable<Uint8Array>);
}

describe("createClusterTransport()", () => {
  it("goes through the proxy of the connection, without telling it what is asked", async () => {
    const server = await plain((request, response) =>
      response.end(`${request.url} ${request.headers["authorization"]}`),
    );
    const asked: string[] = [];
    const proxy = createPlainServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      const [host = "", port = ""] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      socket.on("error", () => onward.destroy());
    });
    const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
    const transport = transportTo({ server, proxyUrl, token: { text: "t" } });
    const { body } = await transport.send({ method: "GET", path: "/api", headers: {}, signal });
    expect(await textOf(body)).toBe("/api Bearer t");
    expect(asked).toEqual([server.slice("http://".length)]);
    await expect(transport.upgrade?.({ method: "GET", path: "/x", headers: {}, signal })).rejects.toMatchObject({
      code: "Unsupported",
    });
  });

  it("sends method, path, headers and body, and gives status, headers and body", async () => {
    const server = await plain(async (request, response) => {
      response.writeHead(422, { "X-Seen": `${request.method} ${request.url} ${request.headers["accept"] ?? ""}` });
      response.end(await bodyOf(request));
    });
    const transport = transportTo({ server: `${server}/prefix/` });
    const { status, headers, body } = await transport.send({
      method: "POST",
      path: "/api/v1/pods?limit=1",
      headers: { accept: "application/json" },
      body: '{"é":1}',
      signal,
    });
    expect(status).toBe(422);
    expect(headers["x-seen"]).toBe("POST /prefix/api/v1/pods?limit=1 application/json");
    expect(await textOf(body)).toBe('{"é":1}');
  });

  it("throws Unavailable naming the server when it can not be reached", async () => {
    const server = await plain(() => undefined);
    const transport = transportTo({ server: server.replace(/:\d+$/, ":1") });
    await expect(transport.send({ method: "GET", path: "/version?x=1", signal })).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:1\/version failed: .*ECONNREFUSED/),
    });
  });

  it("throws Unavailable when the body breaks off", async () => {
    const server = await plain((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    const { body } = await transportTo({ server }).send({ method: "GET", path: "/", signal });
    await expect(textOf(body)).rejects.toMatchObject({ code: "Unavailable" });
  });

  it("ends a streaming answer with the reason of the signal", async () => {
    const server = await plain((_, response) => {
      response.write("one");
    });
    const abort = new AbortController();
    const { body } = await transportTo({ server }).send({ method: "GET", path: "/?watch=true", signal: abort.signal });
    const reading = (async () => {
      for await (const _ of body) abort.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
  });

  it("holds many watches without keeping ordinary requests from getting through", async () => {
    const server = await plain((request, response) => {
      if (request.url?.includes("watch=true") === true) response.write("{}\n");
      else response.end("ok");
    });
    const transport = transportTo({ server });
    const abort = new AbortController();
    const watches = await Promise.all(
      Array.from({ length: 60 }, () =>
        transport.send({ method: "GET", path: "/pods?watch=true", signal: abort.signal }),
      ),
    );
    expect(watches).toHaveLength(60);
    const { body } = await transport.send({ method: "GET", path: "/pods", signal });
    expect(await textOf(body)).toBe("ok");
    abort.abort();
    await Promise.allSettled(watches.map((watch) => textOf(watch.body)));
  });

  it("reads a token file again after a minute and keeps the old token when the file is gone", async () => {
    const directory = await mkdtemp(join(tmpdir(), "orlop-token-"));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, "token");
    await writeFile(file, "first\n");
    const server = await plain((request, response) => response.end(request.headers.authorization));
    const clock = createFakeClock();
    const transport = transportTo({ server, token: { file } }, clock);
    const ask = async (): Promise<string> => textOf((await transport.send({ method: "GET", path: "/", signal })).body);
    expect(await ask()).toBe("Bearer first");
    await writeFile(file, "second\n");
    expect(await ask()).toBe("Bearer first");
    await clock.advance(61_000);
    expect(await ask()).toBe("Bearer second");
    await rm(file);
    await clock.advance(61_000);
    expect(await ask()).toBe("Bearer second");
  });

  it("checks the server against the CA, shows its certificate, and takes up a rotated one", async () => {
    const now = Date.now();
    const life = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
    const authority = await createAuthority(generateKeyPair(), { commonName: "test", ...life });
    const issue = async (commonName: string, usage: string): Promise<{ cert: string; key: string }> => {
      const keys = generateKeyPair();
      const cert = await authority.issue(keys.publicKeyPem, {
        subject: { commonName },
        names: ["127.0.0.1"],
        usages: ["digital signature", usage],
        ...life,
      });
      return { cert, key: keys.privateKeyPem };
    };
    const ca = authority.certificatePem;
    const server = createTlsServer(
      { ...(await issue("server", "server auth")), ca, requestCert: true, rejectUnauthorized: true },
      (request, response) => response.end(String((request.socket as TLSSocket).getPeerCertificate().subject.CN)),
    );
    const url = `https://127.0.0.1:${await listen(server)}`;
    const directory = await mkdtemp(join(tmpdir(), "orlop-cert-"));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    const [cert, key] = [join(directory, "cert"), join(directory, "key")];
    const rotate = async (commonName: string): Promise<void> => {
      const identity = await issue(commonName, "client auth");
      await writeFile(cert, identity.cert);
      await writeFile(key, identity.key);
    };
    await rotate("first");
    const clock = createFakeClock();
    const connection = { server: url, clientCertificate: { file: cert }, clientKey: { file: key } };
    const transport = transportTo({ ...connection, certificateAuthority: { text: ca } }, clock);
    const ask = async (): Promise<string> => textOf((await transport.send({ method: "GET", path: "/", signal })).body);
    expect(await ask()).toBe("first");
    await rotate("second");
    await clock.advance(61_000);
    expect(await ask()).toBe("second");
    await expect(transportTo(connection).send({ method: "GET", path: "/", signal })).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringMatching(/certificate/),
    });
  });

  it("upgrade() gives raw bytes on 101 and the answer otherwise", async () => {
    const http = createPlainServer((_, response) => {
      response.writeHead(403);
      response.end("no");
    });
    http.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello");
      socket.pipe(socket);
    });
    const transport = transportTo({ server: `http://127.0.0.1:${await listen(http)}` });
    const headers = { connection: "Upgrade", upgrade: "test" };
    const { response, connection } =
      (await transport.upgrade?.({ method: "POST", path: "/exec", headers, signal })) ?? {};
    expect(response?.status).toBe(101);
    let text = "";
    for await (const chunk of connection?.readable ?? []) {
      text += new TextDecoder().decode(chunk);
      if (text === "hello") await connection?.write(new TextEncoder().encode(" again"));
      if (text === "hello again") break;
    }
    connection?.destroy();
    expect(text).toBe("hello again");
    const refused = await transport.upgrade?.({ method: "POST", path: "/exec", signal });
    expect(refused?.connection).toBeUndefined();
    expect(refused?.response.status).toBe(403);
  });
});
