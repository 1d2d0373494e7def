import type { BinaryReader } from "@bufbuild/protobuf/wire";
import { WireType } from "@bufbuild/protobuf/wire";
import { formatMicroTime, formatTime } from "../rfc3339.ts";
import type { ScalarType } from "../schema/index.ts";
import { base64OfBytes } from "./base64-text.ts";
import { MalformedProtobuf } from "./malformed.ts";

/** Seconds of 0001-01-01 (an unset time) and of the end of year 9999 since the epoch. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

const MAX_JSON_DEPTH = 1_000;

const VARINTS: ReadonlySet<ScalarType> = new Set(["boolean", "int32", "int64"]);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Broken UTF-8 becomes U+FFFD, as it does on its way into JSON. */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

export function wireTypeOf(of: ScalarType): WireType {
  if (of === "double") return WireType.Bit64;
  return VARINTS.has(of) ? WireType.Varint : WireType.LengthDelimited;
}

export function expectWireType(found: WireType, expected: WireType, field: string): void {
  if (found !== expected) throw new MalformedProtobuf(`proto: wrong wireType = ${found} for field ${field}`);
}

/** The end of the length-delimited value that starts here, which must not pass `end`. */
export function endOfValue(reader: BinaryReader, end: number): number {
  const length = reader.uint32();
  if (reader.pos + length > end) throw new MalformedProtobuf("unexpected EOF");
  return reader.pos + length;
}

/** Calls `read` for each field up to `end`; fields for which it returns false are skipped. */
export function eachField(
  reader: BinaryReader,
  end: number,
  read: (number: number, wireType: WireType) => boolean,
): void {
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (!read(number, wireType)) reader.skip(wireType, number);
  }
  expectEnd(reader, end);
}

/** A value that was read past the end of what contains it is cut off. */
export function expectEnd(reader: BinaryReader, end: number): void {
  if (reader.pos !== end) throw new MalformedProtobuf("unexpected EOF");
}

/** The JSON value of a scalar. null is an unset time. */
export function decodeScalar(reader: BinaryReader, of: ScalarType, end: number): unknown {
  switch (of) {
    case "string":
      return reader.string();
    case "boolean":
      return reader.bool();
    case "int32":
      return reader.int32();
    case "int64":
      return Number(reader.int64());
    case "double":
      return reader.double();
    case "bytes":
      return base64OfBytes(reader.bytes());
    case "any":
      return decodeRaw(reader, endOfValue(reader, end));
    case "quantity":
      return decodeQuantity(reader, endOfValue(reader, end));
    case "intOrString":
      return decodeIntOrString(reader, endOfValue(reader, end));
    case "time":
    case "microTime":
      return decodeTime(reader, of, endOfValue(reader, end));
  }
}

function decodeTime(reader: BinaryReader, of: "time" | "microTime", end: number): string | null {
  if (reader.pos === end) return null;
  let seconds = 0;
  let nanoseconds = 0;
  eachField(reader, end, (number, wireType) => {
    if (number !== 1 && number !== 2) return false;
    expectWireType(wireType, WireType.Varint, number === 1 ? "seconds" : "nanos");
    if (number === 1) seconds = Number(reader.int64());
    else nanoseconds = reader.int32();
    return true;
  });
  const whole = of === "time" ? 0 : Math.floor(nanoseconds / 1e9);
  const time = { seconds: seconds + whole, nanoseconds: nanoseconds - whole * 1e9 };
  if (time.seconds < FIRST_SECOND || time.seconds > LAST_SECOND) {
    throw new MalformedProtobuf(`time ${seconds} seconds from 1970 on: year outside of range [0,9999]`);
  }
  const isUnset = time.seconds === FIRST_SECOND && (of === "time" || time.nanoseconds === 0);
  return isUnset ? null : of === "time" ? formatTime(time) : formatMicroTime(time);
}

function decodeQuantity(reader: BinaryReader, end: number): string {
  let text = "0";
  eachField(reader, end, (number, wireType) => {
    if (number !== 1) return false;
    expectWireType(wireType, WireType.LengthDelimited, "string");
    text = reader.string();
    return true;
  });
  return text;
}

function decodeIntOrString(reader: BinaryReader, end: number): number | string {
  let type = 0;
  let integer = 0;
  let text = "";
  eachField(reader, end, (number, wireType) => {
    if (number < 1 || number > 3) return false;
    expectWireType(wireType, number === 3 ? WireType.LengthDelimited : WireType.Varint, "type, intVal or strVal");
    if (number === 1) type = Number(reader.int64());
    else if (number === 2) integer = reader.int32();
    else text = reader.string();
    return true;
  });
  if (type !== 0 && type !== 1) throw new MalformedProtobuf(`impossible IntOrString.Type ${type}`);
  return type === 0 ? integer : text;
}

/** A message around JSON text. */
function decodeRaw(reader: BinaryReader, end: number): unknown {
  let text = "null";
  eachField(reader, end, (number, wireType) => {
    if (number !== 1) return false;
    expectWireType(wireType, WireType.LengthDelimited, "raw");
    text = reader.string();
    return true;
  });
  if (depthOf(text) > MAX_JSON_DEPTH) throw new MalformedProtobuf("JSON inside: exceeded max depth");
  try {
    return JSON.parse(text);
  } catch (reason) {
    throw new MalformedProtobuf(`JSON inside: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
}

/** Open brackets at the deepest place; those inside strings do not count. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') isInString = !isInString;
    else if (isInString) at += character === "\\" ? 1 : 0;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth -= 1;
  }
  return deepest;
}
