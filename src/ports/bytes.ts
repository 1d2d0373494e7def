/**
 * A full-duplex byte connection (an upgraded HTTP connection, a tunnel). Backpressure is the contract: `write` resolves
 * when more may be written, `readable` is pulled by the reader.
 */
export interface ByteConnection {
  /** Bytes from the peer; ends when the peer half-closes; throws when the connection breaks. Iterate once. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Rejects when the connection is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** Half-close: no more writes; the other direction stays open. */
  end(): Promise<void>;
  /** Closes both directions at once. Idempotent. */
  destroy(reason?: Error): void;
}
