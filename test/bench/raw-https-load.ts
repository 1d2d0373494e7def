import { connect, type TLSSocket } from "node:tls";
import { once } from "node:events";
import { type LoadResult, percentile } from "./statistics.ts";

export interface RawTarget {
  readonly port: number;
  readonly path: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Sends the same GET over kept-alive TLS connections, one request at a time on each, and counts answers. Nothing but the
 * frame of an answer is parsed, so that the server is measured and not this client.
 */
export async function rawHttpsLoad(target: RawTarget, connections: number, total: number): Promise<LoadResult> {
  const { port, path, cert, key } = target;
  const asked = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const times: number[] = [];
  let next = 0;
  let failures = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      cert,
      key,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    await once(socket, "secureConnect");
    socket.setNoDelay(true);
    const answers = answersOf(socket);
    while (next < total) {
      next += 1;
      const start = performance.now();
      socket.write(asked);
      const { value: status } = await answers.next();
      if (status !== 200) failures += 1;
      times.push(performance.now() - start);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, client));
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: total / seconds, p50: percentile(times, 0.5), p99: percentile(times, 0.99), failures };
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** The status codes of whole answers, in order. */
async function* answersOf(socket: TLSSocket): AsyncGenerator<number, void, undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  /** Bytes of the answer under way; undefined while its head is not there, -1 when it is chunked. */
  let wanted: number | undefined;
  let status = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    pieces.push(piece);
    length += piece.length;
    if (wanted === undefined) {
      const whole = Buffer.concat(pieces);
      pieces = [whole];
      const end = whole.indexOf(HEAD_END);
      if (end < 0) continue;
      const head = whole.subarray(0, end).toString("latin1");
      status = Number(head.slice(9, 12));
      const size = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      wanted = size === undefined ? -1 : end + 4 + Number(size);
    }
    const last = pieces.at(-1) ?? piece;
    const done = wanted >= 0 ? length >= wanted : last.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
    if (!done) continue;
    pieces = [];
    length = 0;
    wanted = undefined;
    yield status;
  }
}
