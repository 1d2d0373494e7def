import { WebSocket } from "ws";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient } from "../../adapters/http/client.ts";
import { inflatePiece } from "../../adapters/streams/inflate-piece.ts";
import type { Pod } from "../../api/types.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { createFakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import { type HttpListener, listenHttp } from "../../testing/http-listener.ts";
import { quietLog } from "../../testing/quiet.ts";
import { standsStill } from "../../testing/stands-still.ts";
import { rawWebSocketBytes } from "../../testing/raw-websocket.ts";
import {
  startTestStreaming,
  type TestStreamingOptions,
  type TestStreamingRuntime,
} from "../../testing/streaming-runtime.ts";
import { createSpdyConnection } from "./spdy-connection.ts";
import { createStreamingHandlers } from "./streaming-handlers.ts";

const client = createHttpClient({ tls: () => ({ trust: { by: "nobody" } }) });
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const pod: Pod = {
  metadata: { name: "p", namespace: "ns", uid: "u1" },
  spec: { containers: [{ name: "main" }] },
} as Pod;

interface Kubelet {
  readonly port: number;
  readonly streaming: TestStreamingRuntime;
  readonly clock: FakeClock;
  readonly counted: readonly string[];
  readonly listener: HttpListener;
}

/** Handlers behind a real listener: /VERB/NAMESPACE/POD[/UID]/CONTAINER. */
async function startKubelet(options: TestStreamingOptions & { readonly extend?: boolean } = {}): Promise<Kubelet> {
  const streaming = await startTestStreaming(options);
  const clock = createFakeClock();
  const counted: string[] = [];
  const handlers = createStreamingHandlers(
    {
      pods: {
        podByName: (namespace, name) => (namespace === "ns" && name === "p" ? pod : undefined),
        container: (_, __, name) =>
          name === "missing"
            ? undefined
            : {
                name,
                kind: "container",
                id: name,
                running: name !== "stopped",
                attempt: 0,
                tty: name === "tty",
                stdin: true,
                logPath: "",
              },
        sandboxId: () => "sandbox",
      },
      runtime: streaming.runtime,
      client,
      inflate: inflatePiece,
      clock,
      log: quietLog(),
      onWebSocketStream: (subresource) => counted.push(subresource),
    },
    { extendWebSockets: options.extend ?? true },
  );
  const listener = await listenHttp((request: HttpRequest) => {
    const [, verb, namespace = "", name = "", container = "", uid] = request.path.split("/");
    const target = { namespace, pod: name, container, ...(uid !== undefined && { uid }) };
    if (verb === "exec") return handlers.exec(request, target);
    if (verb === "attach") return handlers.attach(request, target);
    if (verb === "run") return handlers.run(request, target);
    return handlers.portForward(request, target);
  });
  running.push(listener, streaming);
  return { port: listener.port, streaming, clock, counted, listener };
}

interface Conversation {
  readonly protocol: string;
  /** Channel and text of each message until the close. */
  readonly messages: readonly (readonly [number, string])[];
  readonly code: number;
}

/** Sends messages once the server greeted, collects all answers until the close. */
function converse(
  port: number,
  path: string,
  protocols: readonly string[],
  send: readonly Uint8Array[],
): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols]);
    const messages: (readonly [number, string])[] = [];
    socket.on("message", (data: Buffer) => {
      if (messages.length === 0) for (const message of send) socket.send(message);
      messages.push([data[0] ?? -1, data.subarray(1).toString()]);
    });
    socket.on("close", (code) => resolve({ protocol: socket.protocol, messages, code }));
    socket.on("error", reject);
  });
}

const cat: TestStreamingOptions["command"] = async (_, streams) => {
  const stdin = streams.get("stdin");
  const stdout = streams.get("stdout");
  if (stdin !== undefined) for await (const chunk of stdin.readable) await stdout?.write(chunk);
  return { kind: "success" };
};

async function answerOf(port: number, path: string, headers: Record<string, string> = {}, method = "POST", body = "") {
  const response = await client.send({
    scheme: "http",
    host: "127.0.0.1",
    port,
    target: path,
    method,
    headers,
    body,
    signal: new AbortController().signal,
  });
  let text = "";
  for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
  return { status: response.status, text, headers: response.headers };
}

const UPGRADE = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io" };

describe("exec over WebSocket v5", () => {
  it("greets, carries stdin to its half-close, and ends with the status", async () => {
    const { port, streaming, counted } = await startKubelet({ command: cat });
    const seen = await converse(
      port,
      "/exec/ns/p/main?command=cat&input=1&output=1",
      ["v5.channel.k8s.io"],
      [Uint8Array.of(0, ...encode("hello ")), Uint8Array.of(0, ...encode("there")), Uint8Array.of(255, 0)],
    );
    expect(seen.protocol).toBe("v5.channel.k8s.io");
    expect(seen.messages[0]).toEqual([1, ""]);
    const stdout = seen.messages.filter(([channel]) => channel === 1).map(([, text]) => text);
    expect(stdout.join("")).toBe("hello there");
    expect(seen.messages.at(-1)).toEqual([3, '{"metadata":{},"status":"Success"}']);
    expect(seen.code).toBe(1000);
    expect([counted, streaming.requests[0]?.method]).toEqual([["exec"], "POST"]);
  });

  it("tells exit codes and failures on the error channel", async () => {
    const outcomes = { three: { kind: "exit-code", code: 3 }, odd: { kind: "failure", message: "no shell" } } as const;
    const { port } = await startKubelet({
      command: async ({ command }) => outcomes[command[0] === "three" ? "three" : "odd"],
    });
    const statuses = await Promise.all(
      ["three", "odd"].map(async (name) => {
        const { messages } = await converse(
          port,
          `/exec/ns/p/main?command=${name}&output=1`,
          ["v5.channel.k8s.io"],
          [],
        );
        return JSON.parse(messages.at(-1)?.[1] ?? "") as Record<string, unknown>;
      }),
    );
    expect(statuses).toMatchObject([
      { reason: "NonZeroExitCode", details: { causes: [{ reason: "ExitCode", message: "3" }] } },
      { reason: "InternalError", code: 500 },
    ]);
  });

  it("keeps stdout and stderr apart and passes terminal sizes on", async () => {
    const { port } = await startKubelet({
      command: async (request, streams) => {
        const sizes = streams.get("resize")?.readable[Symbol.asyncIterator]();
        const size = (await sizes?.next())?.value;
        await streams.get("stdout")?.write(encode(`${request.tty} ${new TextDecoder().decode(size)}`));
        return { kind: "success" };
      },
    });
    const seen = await converse(
      port,
      "/exec/ns/p/main?output=1&error=1&tty=1",
      ["v5.channel.k8s.io"],
      [Uint8Array.of(4, ...encode('{"Width":80,"Height":24}'))],
    );
    expect(seen.messages.slice(1, -1)).toEqual([[1, 'true {"Width":80,"Height":24}']]);
  });

  it("takes the terminal of an attached container from its spec", async () => {
    const { port } = await startKubelet({
      command: async (request, streams) => {
        await streams.get("stdout")?.write(encode(`tty ${request.tty} stderr ${request.stderr}`));
        return { kind: "success" };
      },
    });
    const seen = await converse(port, "/attach/ns/p/tty?output=1&error=1", ["v5.channel.k8s.io"], []);
    expect(seen.messages[1]).toEqual([1, "tty true stderr false"]);
  });

  it("carries megabytes both ways without change", async () => {
    const { port } = await startKubelet({ command: cat });
    const data = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251);
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < data.length; offset += 32_000) {
      pieces.push(Uint8Array.of(0, ...data.subarray(offset, offset + 32_000)));
    }
    const socket = new WebSocket(`ws://127.0.0.1:${port}/exec/ns/p/main?input=1&output=1`, "v5.channel.k8s.io");
    const received: Buffer[] = [];
    await new Promise((resolve, reject) => {
      socket.on("open", () => {
        for (const piece of pieces) socket.send(piece);
        socket.send(Uint8Array.of(255, 0));
      });
      socket.on("message", (message: Buffer) => {
        if (message[0] === 1) received.push(message.subarray(1));
      });
      socket.on("close", resolve);
      socket.on("error", reject);
    });
    expect(Buffer.concat(received).equals(data)).toBe(true);
  });

  it("stops the container's output while the client does not read", async () => {
    let written = 0;
    let ended = (): void => undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const { port } = await startKubelet({
      command: async (_, streams) => {
        try {
          for (;;) {
            await streams.get("stdout")?.write(new Uint8Array(64 * 1024));
            written += 64 * 1024;
          }
        } catch {
          ended();
        }
        return { kind: "success" };
      },
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/exec/ns/p/main?output=1`, "v5.channel.k8s.io");
    await new Promise((resolve) => socket.on("open", resolve));
    socket.pause();
    expect(await standsStill(() => written)).toBeLessThan(64 * 1024 * 1024);
    socket.terminate();
    await end;
  });

  it("cuts a session nobody uses", async () => {
    const { port, clock } = await startKubelet({ command: () => new Promise(() => undefined) });
    const seen = converse(port, "/exec/ns/p/main?output=1", ["v5.channel.k8s.io"], []);
    await clock.untilSleepers(1);
    await clock.advance(4 * 60 * 60 * 1000);
    expect((await seen).code).toBe(1006);
  });
});

describe("exec over other protocols", () => {
  it("passes SPDY through with the client's method, without its credentials", async () => {
    const { port, streaming, counted } = await startKubelet({ command: cat });
    const { connection, response } = await client.upgrade({
      scheme: "http",
      host: "127.0.0.1",
      port,
      target: "/exec/ns/p/main?input=1&output=1",
      method: "GET",
      headers: { ...UPGRADE, authorization: "Bearer secret" },
      signal: new AbortController().signal,
    });
    expect([response.status, response.headers["x-stream-protocol-version"]]).toEqual([101, "v4.channel.k8s.io"]);
    if (connection === undefined) throw new Error("no connection");
    const spdy = createSpdyConnection({ connection, inflate: inflatePiece }, { role: "client" });
    const run = spdy.run().catch(() => undefined);
    const open = (name: string) => spdy.open(new Map([["streamtype", [name]]]));
    const [, stdin, stdout] = await Promise.all([open("error"), open("stdin"), open("stdout")]);
    await stdin.accepted;
    await stdin.write(encode("through"));
    await stdin.end();
    let text = "";
    for await (const chunk of stdout.readable) text += new TextDecoder().decode(chunk);
    expect(text).toBe("through");
    const [seen] = streaming.requests;
    expect([seen?.method, seen?.headers["authorization"], seen?.headers["x-forwarded-for"]]).toEqual([
      "GET",
      undefined,
      "127.0.0.1",
    ]);
    expect(counted).toEqual([]);
    spdy.destroy();
    await run;
  });

  it("cuts a session nobody uses, and none that is used", async () => {
    const { port, clock } = await startKubelet({ command: cat });
    const { connection } = await client.upgrade({
      scheme: "http",
      host: "127.0.0.1",
      port,
      target: "/exec/ns/p/main?input=1&output=1",
      method: "GET",
      headers: UPGRADE,
      signal: new AbortController().signal,
    });
    if (connection === undefined) throw new Error("no connection");
    const spdy = createSpdyConnection({ connection, inflate: inflatePiece }, { role: "client" });
    let ended = false;
    const run = spdy.run().then(
      () => (ended = true),
      () => (ended = true),
    );
    const open = (name: string) => spdy.open(new Map([["streamtype", [name]]]));
    const [, stdin, stdout] = await Promise.all([open("error"), open("stdin"), open("stdout")]);
    await stdin.accepted;
    const hour = 60 * 60 * 1_000;
    await clock.untilSleepers(1);
    await clock.advance(3 * hour);
    await stdin.write(encode("x"));
    for await (const chunk of stdout.readable) {
      expect(new TextDecoder().decode(chunk)).toBe("x");
      break;
    }
    await clock.advance(3 * hour);
    await clock.untilSleepers(1);
    expect(ended).toBe(false);
    await clock.advance(4 * hour);
    await run;
    expect(ended).toBe(true);
  });

  it("passes v5 on as well when the gate is off, and the runtime's refusal back", async () => {
    const { port } = await startKubelet({ extend: false });
    const refused = converse(port, "/exec/ns/p/main?output=1", ["v5.channel.k8s.io"], []);
    await expect(refused).rejects.toThrow("400");
  });
});

describe("refusals", () => {
  it.each([
    ["/exec/ns/p/main", 400, "you must specify at least 1 of stdin, stdout, stderr"],
    ["/exec/ns/other/main?output=1", 404, "pod does not exist"],
    ["/exec/ns/p/missing?output=1", 500, 'container not found ("missing")'],
    ["/exec/ns/p/stopped?output=1", 500, 'container not found ("stopped")'],
    ["/exec/ns/p/main/u2?output=1", 500, 'container not found ("main")'],
    ["/exec/ns/p/gone?output=1", 404, "no such container"],
    ["/exec/ns/p/busy?output=1", 429, "too many sessions"],
    ["/attach/ns/p/missing?output=1", 500, 'container not found ("missing")'],
    ["/portForward/ns/other", 404, "pod does not exist"],
    ["/portForward/ns/p/x/u2", 404, "pod not found"],
  ])("answers %s with %i", async (path, status, text) => {
    const { port } = await startKubelet();
    expect(await answerOf(port, path, UPGRADE)).toMatchObject({ status, text });
  });

  it("says when to come back while the runtime has too many sessions", async () => {
    const { port } = await startKubelet();
    expect((await answerOf(port, "/exec/ns/p/busy?output=1", UPGRADE)).headers["retry-after"]).toBe("60");
  });

  it("wants an upgrade, and asks nothing of the runtime before it", async () => {
    const { port, streaming } = await startKubelet();
    expect(await answerOf(port, "/exec/ns/p/main?output=1")).toMatchObject({
      status: 500,
      text: "Upgrade request required\n",
    });
    expect(await answerOf(port, "/portForward/ns/p")).toMatchObject({
      status: 500,
      text: "Upgrade request required\n",
    });
    expect(streaming.requests).toEqual([]);
  });

  it("reads flags from a urlencoded body as well", async () => {
    const { port } = await startKubelet();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect(await answerOf(port, "/exec/ns/p/main", headers, "POST", "output=1")).toMatchObject({ status: 500 });
    expect(await answerOf(port, "/exec/ns/p/main?output=1", headers, "POST", "output=0")).toMatchObject({
      status: 400,
    });
  });

  it("refuses port lists that are none", async () => {
    const { port } = await startKubelet();
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    };
    expect(await answerOf(port, "/portForward/ns/p", headers, "GET")).toMatchObject({
      status: 400,
      text: 'query parameter "port" is required',
    });
  });
});

describe("port-forward", () => {
  it("carries the runtime's SPDY inside WebSocket messages", async () => {
    const { port, counted } = await startKubelet({
      forward: async (target, data) => {
        await data.write(encode(`port ${target}: `));
        for await (const chunk of data.readable) await data.write(chunk);
        await data.end();
      },
    });
    const { connection, response } = await client.upgrade({
      scheme: "http",
      host: "127.0.0.1",
      port,
      target: "/portForward/ns/p",
      method: "GET",
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io",
      },
      signal: new AbortController().signal,
    });
    expect(response.headers["sec-websocket-protocol"]).toBe("SPDY/3.1+portforward.k8s.io");
    if (connection === undefined) throw new Error("no connection");
    const spdy = createSpdyConnection(
      { connection: rawWebSocketBytes(connection), inflate: inflatePiece },
      { role: "client" },
    );
    const run = spdy.run().catch(() => undefined);
    const open = (type: string) =>
      spdy.open(
        new Map([
          ["streamtype", [type]],
          ["port", ["8080"]],
          ["requestid", ["0"]],
        ]),
      );
    await open("error");
    const data = await open("data");
    await data.accepted;
    await data.write(encode("ping"));
    await data.end();
    let text = "";
    for await (const chunk of data.readable) text += new TextDecoder().decode(chunk);
    expect(text).toBe("port 8080: ping");
    expect(counted).toEqual(["portforward"]);
    spdy.destroy();
    await run;
  });
});

describe("run", () => {
  it("answers with the output of the command, split at spaces", async () => {
    const { port } = await startKubelet();
    expect(await answerOf(port, "/run/ns/p/main?cmd=echo+a++b")).toMatchObject({ status: 200, text: "echo+a++b" });
  });

  it("tells the exit code and unknown containers", async () => {
    const { port } = await startKubelet();
    expect(await answerOf(port, "/run/ns/p/main?cmd=7+x")).toMatchObject({
      status: 500,
      text: "command '7 x' exited with 7: ",
    });
    expect(await answerOf(port, "/run/ns/p/missing?cmd=x")).toMatchObject({
      status: 500,
      text: 'container not found ("missing")',
    });
  });
});
