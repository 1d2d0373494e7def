import { constants, inflateRawSync } from "node:zlib";

/**
 * Inflates one flushed piece of a raw deflate stream, given what the stream gave before. Stateless, so a connection
 * needs no zlib stream of its own and nothing has to be closed. Throws when it gives more than `limitBytes`.
 */
export function inflatePiece(piece: Uint8Array, before: Uint8Array, limitBytes: number): Uint8Array {
  return inflateRawSync(piece, {
    ...(before.byteLength > 0 && { dictionary: before }),
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: limitBytes,
  });
}
