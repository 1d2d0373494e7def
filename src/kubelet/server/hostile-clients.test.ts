import { request as httpsRequest } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttpClient } from "../../adapters/http/client.ts";
import { inflatePiece } from "../../adapters/streams/inflate-piece.ts";
import { createFeatureGates } from "../../api/feature-gates.ts";
import { defaultKubeletConfiguration } from "../../api/kubelet-configuration.ts";
import type { SubjectAccessReview, TokenReview } from "../../api/types.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createTestIdentities, type HttpListener, listenHttp } from "../../testing/http-listener.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { startTestStreaming, type TestStreamingRuntime } from "../../testing/streaming-runtime.ts";
import { createKubeletAccess } from "../authorization/kubelet-access.ts";
import { createStreamingHandlers } from "../streaming/streaming-handlers.ts";
import { createKubeletServer } from "./kubelet-server.ts";
import { KUBELET_ROUTES, type RouteHandlers } from "./routes.ts";

const MIB = 2 ** 20;
const EXEC = "/exec/ns/p/main?command=sleep&output=1&input=1";

/** Sockets that tests leave open on purpose. */
const open = new Set<Socket | WebSocket>();
let streaming: TestStreamingRuntime;
let listener: HttpListener;
let reviewed: string[] = [];

/** Knows the token "good", which may do everything. */
const client = {
  create: async (_resource: unknown, object: TokenReview | SubjectAccessReview) => {
    if (object.kind === "SubjectAccessReview") return { ...object, status: { allowed: true } };
    const { token } = (object as TokenReview).spec;
    reviewed.push(token ?? "");
    return { ...object, status: token === "good" ? { authenticated: true, user: { username: "jane" } } : {} };
  },
} as unknown as Pick<ClusterClient, "create">;

/** The kubelet's API as it is, with a runtime whose commands never end and other handlers that say "ok". */
beforeAll(async () => {
  streaming = await startTestStreaming({ command: () => new Promise(() => undefined) });
  const clock = createFakeClock();
  const log = quietLog();
  const commands = createStreamingHandlers(
    {
      pods: {
        podByName: () => ({ metadata: { name: "p", namespace: "ns", uid: "u" } }),
        container: (_namespace, _pod, name) => ({
          name,
          kind: "container",
          id: "c",
          running: true,
          attempt: 0,
          tty: false,
          stdin: true,
          logPath: "",
        }),
        sandboxId: () => "s",
      },
      runtime: streaming.runtime,
      client: createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) }),
      inflate: inflatePiece,
      clock,
      log,
    },
    { extendWebSockets: true },
  );
  const plain = KUBELET_ROUTES.map(({ handler }) => [handler, async () => ({ status: 200, headers: {}, body: "ok" })]);
  const handlers = {
    ...(Object.fromEntries(plain) as RouteHandlers),
    exec: (request, { namespace = "", pod = "", container = "" }) =>
      commands.exec(request, { namespace, pod, container }),
  } satisfies RouteHandlers;
  const server = createKubeletServer(
    {
      handlers,
      clock,
      log,
      observeRequest: () => () => undefined,
      checkAccess: createKubeletAccess(
        { client, clock, log, gates: createFeatureGates(), random: seededRandom(1) },
        { ...defaultKubeletConfiguration(), nodeName: "n", connectMode: "enforce" },
      ),
    },
    {
      enableDebuggingHandlers: true,
      enableSystemLogHandler: true,
      enableProfilingHandler: true,
      enableDebugFlagsHandler: true,
      checkpoint: true,
      flagz: true,
      statusz: true,
    },
  );
  const { serving } = await createTestIdentities(Date.now());
  listener = await listenHttp(server, { tls: { ...serving, requestCert: true } });
});
afterAll(async () => {
  for (const one of open) {
    if (one instanceof WebSocket) one.terminate();
    else one.destroy();
  }
  await listener.stop();
  await streaming.stop();
});

function get(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: listener.port, path, method, headers, rejectUnauthorized: false };
    const sent = httpsRequest(options, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Bytes over TLS; the first line that comes back, "" when the connection is closed without one. */
function talk(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false });
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(text.slice(0, text.indexOf("\r\n"))));
    socket.on("error", () => undefined);
    socket.write(bytes);
    open.add(socket);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const isWell = async (): Promise<boolean> => (await get("/healthz", bearer("good"))) === 200;

describe("clients that mean no good", () => {
  it("a token of 1 MB bothers nobody else, one that somebody may have is asked about each time", async () => {
    reviewed = [];
    expect(await get("/pods", bearer("t".repeat(MIB)))).toBe(431);
    expect(await get("/pods", bearer("t".repeat(1_000_000)))).toBe(401);
    expect(reviewed).toEqual([]);
    const long = bearer("t".repeat(60_000));
    expect([await get("/pods", long), await get("/pods", long)]).toEqual([401, 401]);
    expect(reviewed.map(({ length }) => length)).toEqual([60_000, 60_000]);
    expect(await isWell()).toBe(true);
  });

  it("thousands of bad tokens are each refused and do not push out more than the cache holds", async () => {
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < 40; round++) {
      const tokens = Array.from({ length: 25 }, (_, index) => `${round}-${index}-${"x".repeat(15_000)}`);
      const codes = await Promise.all(tokens.map((token) => get("/pods", bearer(token))));
      expect(new Set(codes)).toEqual(new Set([401]));
    }
    // 15 MB of tokens were sent, and at most 8 of them are kept.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * MIB);
    expect(await isWell()).toBe(true);
  });

  it.each([
    ["no key", "GET /exec/ns/p/main?output=1 HTTP/1.1", "Sec-WebSocket-Version: 13\r\n", /^HTTP\/1\.1 400/],
    [
      "an old version",
      "GET /exec/ns/p/main?output=1 HTTP/1.1",
      "Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      /^HTTP\/1\.1 4(00|26)/,
    ],
    [
      "a method that can not upgrade",
      "DELETE /exec/ns/p/main?output=1 HTTP/1.1",
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      /^HTTP\/1\.1 405/,
    ],
    [
      "an upgrade of what is no stream",
      "GET /pods HTTP/1.1",
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      /^HTTP\/1\.1 400/,
    ],
  ])("a WebSocket handshake with %s is refused", async (_what, line, headers, answer) => {
    const common =
      "Host: k\r\nAuthorization: Bearer good\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n";
    expect(await talk(`${line}\r\n${common}${headers}\r\n`)).toMatch(answer);
    expect(await isWell()).toBe(true);
  });

  it.each([
    ["no HTTP at all", "\u0016\u0003\u0001hello\r\n\r\n", /^HTTP\/1\.1 400/],
    [
      "two lengths",
      "POST /pods HTTP/1.1\r\nHost: k\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      /^HTTP\/1\.1 400/,
    ],
    [
      "length and chunks",
      "POST /pods HTTP/1.1\r\nHost: k\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      /^HTTP\/1\.1 400/,
    ],
    ["a header line without a name", "GET /pods HTTP/1.1\r\nHost: k\r\n: x\r\n\r\n", /^HTTP\/1\.1 400/],
    ["a target that is no path", "GET pods HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400/],
    ["a broken escape", "GET /pods/%zz HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400/],
    ["a method nobody knows", "BREW /pods HTTP/1.1\r\nHost: k\r\n\r\n", /^HTTP\/1\.1 400/],
  ])("%s is answered with 400", async (_what, bytes, answer) => {
    expect(await talk(bytes)).toMatch(answer);
    expect(await isWell()).toBe(true);
  });

  it("hundreds of half-open connections keep nobody out", async () => {
    for (let index = 0; index < 300; index++) {
      const plain = connectPlain({ port: listener.port, host: "127.0.0.1" });
      plain.on("error", () => undefined);
      open.add(plain);
      if (index % 3 === 0) plain.write("\u0016\u0003\u0001");
    }
    expect(await isWell()).toBe(true);
  });

  it("more than a thousand sessions wait at once, none keeps others out, and all end with their clients", async () => {
    const sessions = 1_100;
    const before = process.memoryUsage().rss;
    const url = `wss://127.0.0.1:${listener.port}${EXEC}`;
    const dial = (): Promise<WebSocket> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url, ["v5.channel.k8s.io"], {
          headers: bearer("good"),
          rejectUnauthorized: false,
        });
        open.add(socket);
        socket.once("message", () => resolve(socket));
        socket.once("error", reject);
      });
    const sockets: WebSocket[] = [];
    while (sockets.length < sessions) {
      sockets.push(...(await Promise.all(Array.from({ length: Math.min(100, sessions - sockets.length) }, dial))));
    }
    await expect.poll(() => streaming.requests.length, { timeout: 20_000 }).toBe(sessions);
    expect(await isWell()).toBe(true);
    // Both ends of all connections live in this process.
    expect(process.memoryUsage().rss - before).toBeLessThan(sessions * 0.5 * MIB);
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const socket of sockets) socket.terminate();
    await Promise.all(closed);
    expect(await isWell()).toBe(true);
  }, 120_000);
});
