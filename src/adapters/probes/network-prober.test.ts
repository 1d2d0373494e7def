import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createNetworkProber } from "./network-prober.ts";

const prober = createNetworkProber({ userAgent: "kube-probe/1.36" });
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function listen(server: HttpServer | TcpServer): Promise<number> {
  closing.push(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const target = (port: number, path = "/") =>
  ({ scheme: "http", host: "127.0.0.1", port, path, headers: [], userAgent: "kube-probe/1.36" }) as const;

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("http()", () => {
  it("succeeds from 200 to 399 and fails otherwise, without telling the body", async ({ signal }) => {
    const port = await listen(
      createHttpServer((request, response) => {
        response.statusCode = Number(request.url?.slice(1));
        response.end("secret");
      }),
    );
    expect(await prober.http(target(port, "/200"), 5_000, signal)).toMatchObject({
      result: "success",
      output: "secret",
    });
    expect(await prober.http(target(port, "/399"), 5_000, signal)).toMatchObject({ result: "success" });
    expect(await prober.http(target(port, "/500"), 5_000, signal)).toEqual({
      result: "failure",
      output: "HTTP probe failed with statuscode: 500",
      status: 500,
    });
  });

  it("sends its user agent, and the headers it was given instead", async ({ signal }) => {
    const port = await listen(
      createHttpServer((request, response) => {
        const { "user-agent": agent, accept, "x-a": mine } = request.headers;
        response.end(JSON.stringify({ agent, accept, mine }));
      }),
    );
    const plain = await prober.http(target(port), 5_000, signal);
    expect(JSON.parse(plain.output)).toEqual({ agent: "kube-probe/1.36", accept: "*/*" });
    const headers = [
      { name: "User-Agent", value: "mine" },
      { name: "Accept", value: "" },
      { name: "X-A", value: "1" },
      { name: "X-A", value: "2" },
    ];
    const own = await prober.http({ ...target(port), headers }, 5_000, signal);
    expect(JSON.parse(own.output)).toEqual({ agent: "mine", mine: "1, 2" });
  });

  it("follows redirects on the same host, and warns of others", async ({ signal }) => {
    const port = await listen(
      createHttpServer((request, response) => {
        const to = { "/here": "/end", "/away": "http://elsewhere.invalid/" }[request.url ?? ""];
        if (to !== undefined) response.writeHead(302, { location: to });
        response.end("done");
      }),
    );
    expect(await prober.http(target(port, "/here"), 5_000, signal)).toMatchObject({ result: "success", status: 200 });
    expect(await prober.http(target(port, "/away"), 5_000, signal)).toMatchObject({
      result: "warning",
      output: "Probe terminated redirects, Response body: done",
    });
  });

  it("fails when nobody listens and when the answer is late", async ({ signal }) => {
    const port = await closedPort();
    expect(await prober.http(target(port), 5_000, signal)).toEqual({
      result: "failure",
      output: `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    const silent = await listen(createHttpServer(() => undefined));
    const late = await prober.http(target(silent), 50, signal);
    expect(late.output).toContain("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  });

  it("rejects when it is aborted", async () => {
    const silent = await listen(createHttpServer(() => undefined));
    const stop = new AbortController();
    const probing = prober.http(target(silent), 60_000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(probing).rejects.toThrow("enough");
  });
});

describe("tcp()", () => {
  it("succeeds when the port is open and fails when it is not", async ({ signal }) => {
    const port = await listen(createTcpServer());
    expect(await prober.tcp("127.0.0.1", port, 5_000, signal)).toEqual({ result: "success", output: "" });
    const closed = await closedPort();
    expect(await prober.tcp("127.0.0.1", closed, 5_000, signal)).toEqual({
      result: "failure",
      output: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
    });
  });
});

describe("grpc()", () => {
  async function healthServer(statusOf: (service: string) => number): Promise<number> {
    const server = new Server();
    const identity = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        check: {
          path: "/grpc.health.v1.Health/Check",
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      {
        check: (call: { request: Buffer }, reply: (error: null, answer: Buffer) => void) => {
          const service = call.request.subarray(2).toString();
          reply(null, Buffer.from([8, statusOf(service)]));
        },
      },
    );
    closing.push(() => server.forceShutdown());
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  it("asks for a service and understands the answer", async ({ signal }) => {
    const port = await healthServer((service) => (service === "good" ? 1 : 2));
    const probe = (service: string) => prober.grpc({ host: "127.0.0.1", port, service }, 5_000, signal);
    expect(await probe("good")).toEqual({ result: "success", output: "service healthy" });
    expect(await probe("bad")).toEqual({
      result: "failure",
      output: 'service unhealthy (responded with "NOT_SERVING")',
    });
  });

  it("fails when there is no such server", async ({ signal }) => {
    const port = await closedPort();
    const answer = await prober.grpc({ host: "127.0.0.1", port, service: "" }, 200, signal);
    expect(answer.output).toBe(
      `timeout: failed to connect service "127.0.0.1:${port}" within 200ms: context deadline exceeded`,
    );
  });
});
