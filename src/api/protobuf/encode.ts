import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { parseTime } from "../rfc3339.ts";
import type { Field, FieldType, ScalarType } from "../schema/index.ts";
import { bytesOfBase64 } from "./base64-text.ts";
import { wireTypeOf } from "./decode-scalar.ts";
import { messageOf } from "./messages.ts";
import type { Message } from "./messages.ts";

type Struct = Readonly<Record<string, unknown>>;

/**
 * The message of an object: the reverse of `decodeMessage`. Expects an object without wrong fields (see `checkFields` of
 * the schema); unknown fields and nulls are left out.
 *
 * @param model name of its schema, e.g. "V1Pod"
 */
export function encodeMessage(model: string, object: Struct): Uint8Array {
  const writer = new BinaryWriter();
  writeFields(writer, messageOf(model), object);
  return writer.finish();
}

function writeFields(writer: BinaryWriter, message: Message, object: Struct): void {
  for (const [number, entry] of message) {
    if (entry instanceof Map) {
      writer.tag(number, WireType.LengthDelimited).fork();
      writeFields(writer, entry, object);
      writer.join();
    } else writeField(writer, number, entry as Field, object);
  }
}

function writeField(writer: BinaryWriter, number: number, { name, type }: Field, object: Struct): void {
  const value = object[name];
  if (value === null || value === undefined) return;
  if (type.type === "list") {
    for (const entry of value as readonly unknown[]) writeValue(writer, number, type.of, entry);
  } else if (type.type === "map") {
    for (const [key, entry] of Object.entries(value as Struct)) {
      writer.tag(number, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key);
      writeValue(writer, 2, type.of, entry);
      writer.join();
    }
  } else writeValue(writer, number, type, value);
}

function writeValue(writer: BinaryWriter, number: number, type: FieldType, value: unknown): void {
  if (type.type === "scalar") {
    writer.tag(number, wireTypeOf(type.of));
    writeScalar(writer, type.of, value);
    return;
  }
  writer.tag(number, WireType.LengthDelimited).fork();
  if (type.type === "model") writeFields(writer, messageOf(type.of), (value ?? {}) as Struct);
  // The value of a map that is a list: a message with the list as its field 1.
  else for (const entry of (value ?? []) as readonly unknown[]) writeValue(writer, 1, type.of, entry);
  writer.join();
}

function writeScalar(writer: BinaryWriter, of: ScalarType, value: unknown): void {
  switch (of) {
    case "string":
      writer.string(String(value));
      return;
    case "boolean":
      writer.bool(value === true);
      return;
    case "int32":
      writer.int32(Number(value));
      return;
    case "int64":
      writer.int64(BigInt.asIntN(64, BigInt(Number(value))));
      return;
    case "double":
      writer.double(Number(value));
      return;
    case "bytes":
      writer.bytes(bytesOfBase64(String(value)));
      return;
    case "any":
      writer.fork().tag(1, WireType.LengthDelimited).string(JSON.stringify(value)).join();
      return;
    case "quantity":
      writer.fork().tag(1, WireType.LengthDelimited).string(String(value)).join();
      return;
    case "intOrString":
      writer.fork().tag(1, WireType.Varint);
      if (typeof value === "number") writer.int32(0).tag(2, WireType.Varint).int32(value).join();
      else writer.int32(1).tag(3, WireType.LengthDelimited).string(String(value)).join();
      return;
    case "time":
    case "microTime": {
      const time = typeof value === "string" ? parseTime(value) : undefined;
      writer.fork();
      if (time !== undefined) writer.tag(1, WireType.Varint).int64(time.seconds);
      if (time !== undefined && of === "microTime") writer.tag(2, WireType.Varint).int32(time.nanoseconds);
      writer.join();
    }
  }
}
