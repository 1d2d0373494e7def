import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:tls";

export interface BareTls {
  /** Answers a request for /N with N bytes: node:https and nothing else. */
  readonly httpsPort: number;
  /** Takes bytes until the end and then says so: node:tls and nothing else. */
  readonly sinkPort: number;
  stop(): Promise<void>;
}

const SERVER = `
const { cert, key } = JSON.parse(process.env.BARE_TLS);
const bodies = {};
const https = require("node:https").createServer({ cert, key }, (request, response) => {
  const body = bodies[request.url] ??= Buffer.alloc(Number(request.url.slice(1)), "x");
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-length": body.length });
  response.end(body);
});
const sink = require("node:tls").createServer({ cert, key, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.on("end", () => socket.end("done"));
});
https.listen(0, "127.0.0.1", () => sink.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify([https.address().port, sink.address().port]));
}));
`;

/** The floor under every server over TLS in this runtime, in a process of its own as the kubelet is. */
export async function startBareTls(identity: { readonly cert: string; readonly key: string }): Promise<BareTls> {
  const child: ChildProcess = spawn(process.execPath, ["-e", SERVER], {
    env: { ...process.env, BARE_TLS: JSON.stringify(identity) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("the bare server has no output");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const [httpsPort = 0, sinkPort = 0] = JSON.parse(line.toString()) as number[];
  return {
    httpsPort,
    sinkPort,
    async stop() {
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}

/** MB/s into the sink, in pieces of 32 KiB. */
export async function bareRate(port: number, bytes: number): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const piece = Buffer.alloc(32 * 1024);
  const began = performance.now();
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (!socket.write(piece)) await once(socket, "drain");
  }
  const answered = once(socket, "data");
  socket.end();
  await answered;
  socket.destroy();
  return bytes / 1e6 / ((performance.now() - began) / 1_000);
}
