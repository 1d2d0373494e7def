import { OrlopError } from "../../lib/orlop-error.ts";
import type { ByteConnection } from "../../ports/bytes.ts";
import type { WebSocketConnection } from "../../ports/http.ts";

/** Largest message sent; clients read a message as a whole. */
const MESSAGE_BYTES = 32 * 1024;

async function* bytesOf(socket: WebSocketConnection): AsyncGenerator<Uint8Array> {
  for await (const message of socket.messages) {
    if (!message.binary) throw new OrlopError("Invalid", "A tunnel carries binary messages only");
    if (message.data.byteLength > 0) yield message.data;
  }
}

/** The bytes inside the binary messages of a WebSocket as a connection. Message borders mean nothing. */
export function tunnelConnection(socket: WebSocketConnection): ByteConnection {
  return {
    readable: bytesOf(socket),
    async write(chunk) {
      for (let offset = 0; offset < chunk.byteLength; offset += MESSAGE_BYTES) {
        await socket.send(chunk.subarray(offset, offset + MESSAGE_BYTES), { binary: true });
      }
    },
    end: () => socket.close(1000),
    destroy: () => socket.destroy(),
  };
}
