import type { ByteConnection } from "../ports/bytes.ts";

function clientFrame(data: Uint8Array): Uint8Array {
  if (data.byteLength > 0xffff) throw new RangeError("messages of tests are short");
  const long = data.byteLength > 125;
  // FIN and binary; masked with a key of zeros, which changes nothing.
  const head = long
    ? [0x82, 0xfe, data.byteLength >> 8, data.byteLength & 0xff, 0, 0, 0, 0]
    : [0x82, 0x80 | data.byteLength, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...data]);
}

async function* messageBytes(readable: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending = new Uint8Array(0);
  for await (const chunk of readable) {
    pending = Uint8Array.from([...pending, ...chunk]);
    for (;;) {
      const [first, short = 0] = pending;
      const start = short === 126 ? 4 : 2;
      if (first === undefined || pending.byteLength < start) break;
      const length = short === 126 ? ((pending[2] ?? 0) << 8) | (pending[3] ?? 0) : short;
      if (pending.byteLength < start + length) break;
      if (first === 0x88) return;
      if (first === 0x82) yield pending.slice(start, start + length);
      pending = pending.slice(start + length);
    }
  }
}

/**
 * The bytes inside a WebSocket's binary messages, over a connection that was upgraded already. For subprotocols that
 * client libraries refuse to offer because they are no tokens.
 */
export function rawWebSocketBytes(connection: ByteConnection): ByteConnection {
  return {
    readable: messageBytes(connection.readable),
    write: (chunk) => connection.write(clientFrame(chunk)),
    end: () => connection.write(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0)),
    destroy: (reason) => connection.destroy(reason),
  };
}
