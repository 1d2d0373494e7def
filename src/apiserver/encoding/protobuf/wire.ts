/** The bytes are not the protobuf they claim to be. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** One field of a message as it is on the wire. */
export type WireField =
  | { readonly number: number; readonly type: "varint"; readonly value: bigint }
  | { readonly number: number; readonly type: "fixed"; readonly bytes: Uint8Array }
  | { readonly number: number; readonly type: "bytes"; readonly bytes: Uint8Array };

/** The fields of a message in their order. @throws ProtobufError while iterating */
export function* readFields(message: Uint8Array): Generator<WireField> {
  const reader = { bytes: message, offset: 0 };
  while (reader.offset < message.length) {
    const tag = readVarint(reader);
    const number = Number(tag >> 3n);
    if (number === 0) throw new ProtobufError("field number 0");
    const wireType = Number(tag & 7n);
    switch (wireType) {
      case 0:
        yield { number, type: "varint", value: readVarint(reader) };
        break;
      case 1:
        yield { number, type: "fixed", bytes: take(reader, 8) };
        break;
      case 2:
        yield { number, type: "bytes", bytes: take(reader, Number(readVarint(reader))) };
        break;
      case 5:
        yield { number, type: "fixed", bytes: take(reader, 4) };
        break;
      default:
        throw new ProtobufError(`wire type ${wireType}`);
    }
  }
}

/** All varints of a packed list. */
export function readPacked(bytes: Uint8Array): readonly bigint[] {
  const reader = { bytes, offset: 0 };
  const values: bigint[] = [];
  while (reader.offset < bytes.length) values.push(readVarint(reader));
  return values;
}

interface Reader {
  readonly bytes: Uint8Array;
  offset: number;
}

const MAX_VARINT_BYTES = 10;

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = reader.bytes[reader.offset];
    if (byte === undefined) throw new ProtobufError("unexpected end of the message");
    reader.offset += 1;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new ProtobufError("a number that is too long");
}

function take(reader: Reader, length: number): Uint8Array {
  const end = reader.offset + length;
  if (end > reader.bytes.length) throw new ProtobufError("unexpected end of the message");
  const bytes = reader.bytes.subarray(reader.offset, end);
  reader.offset = end;
  return bytes;
}
