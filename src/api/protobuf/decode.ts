import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Result } from "../../lib/result.ts";
import type { Field, FieldType } from "../schema/index.ts";
import {
  decodeScalar,
  decodeUtf8,
  eachField,
  endOfValue,
  expectEnd,
  expectWireType,
  wireTypeOf,
} from "./decode-scalar.ts";
import { reading } from "./malformed.ts";
import { messageOf } from "./messages.ts";
import type { Message } from "./messages.ts";

type Struct = Record<string, unknown>;

/**
 * Reads a message as the object that JSON would have carried: fields the message does not know are skipped, and empty
 * values that JSON leaves out are left out. Type information (apiVersion, kind) of whole objects is not part of the
 * message. The nesting is that of the models, which do not contain themselves.
 *
 * @param model name of its schema, e.g. "V1Pod"
 * @returns the object, or why the bytes are no such message
 */
export function decodeMessage(model: string, bytes: Uint8Array): Result<Readonly<Record<string, unknown>>> {
  const message = messageOf(model);
  const object: Struct = {};
  return reading(() => {
    readFields(new BinaryReader(bytes, decodeUtf8), bytes.length, message, object);
    return object;
  });
}

/** Fields of a message up to `end`. A message that comes in parts adds up. */
function readFields(reader: BinaryReader, end: number, message: Message, into: Struct): void {
  eachField(reader, end, (number, wireType) => {
    const entry = message.get(number);
    if (entry === undefined) return false;
    if (entry instanceof Map) {
      expectWireType(wireType, WireType.LengthDelimited, `number ${number}`);
      readFields(reader, endOfValue(reader, end), entry, into);
    } else readField(reader, end, entry as Field, wireType, into);
    return true;
  });
}

function readField(reader: BinaryReader, end: number, field: Field, wireType: WireType, into: Struct): void {
  const { name, type } = field;
  switch (type.type) {
    case "list": {
      const list = (into[name] ??= []) as unknown[];
      readEntries(reader, end, type.of, wireType, name, list);
      return;
    }
    case "map": {
      const map = (into[name] ??= {}) as Struct;
      expectWireType(wireType, WireType.LengthDelimited, name);
      readMapEntry(reader, endOfValue(reader, end), type.of, name, map);
      return;
    }
    case "model": {
      const struct = (into[name] ??= {}) as Struct;
      expectWireType(wireType, WireType.LengthDelimited, name);
      readFields(reader, endOfValue(reader, end), messageOf(type.of), struct);
      return;
    }
    case "scalar": {
      expectWireType(wireType, wireTypeOf(type.of), name);
      const value = decodeScalar(reader, type.of, end);
      if (isLeftOut(field, value)) delete into[name];
      else into[name] = value;
    }
  }
}

/** What JSON leaves out although the message always carries it. */
function isLeftOut(field: Field, value: unknown): boolean {
  if (value === null) return true;
  if (field.zero !== "absent" || (field.type.type === "scalar" && field.type.of === "intOrString")) return false;
  return value === "" || value === 0 || value === false;
}

/** One entry of a repeated field, or all of them when they are packed. */
function readEntries(
  reader: BinaryReader,
  end: number,
  type: FieldType,
  wireType: WireType,
  name: string,
  list: unknown[],
): void {
  const isPacked =
    type.type === "scalar" && wireType === WireType.LengthDelimited && wireTypeOf(type.of) !== WireType.LengthDelimited;
  if (!isPacked) {
    list.push(readValue(reader, end, type, wireType, name));
    return;
  }
  const endOfEntries = endOfValue(reader, end);
  while (reader.pos < endOfEntries) list.push(decodeScalar(reader, type.of, endOfEntries));
  expectEnd(reader, endOfEntries);
}

/** An entry of a list or the value of a map. */
function readValue(reader: BinaryReader, end: number, type: FieldType, wireType: WireType, name: string): unknown {
  if (type.type === "scalar") {
    expectWireType(wireType, wireTypeOf(type.of), name);
    return decodeScalar(reader, type.of, end);
  }
  expectWireType(wireType, WireType.LengthDelimited, name);
  const endOfMessage = endOfValue(reader, end);
  if (type.type === "model") {
    const struct: Struct = {};
    readFields(reader, endOfMessage, messageOf(type.of), struct);
    return struct;
  }
  // The value of a map that is a list: a message with the list as its field 1. There are no other nestings.
  const list: unknown[] = [];
  eachField(reader, endOfMessage, (number, innerWireType) => {
    if (number !== 1) return false;
    readEntries(reader, endOfMessage, type.of, innerWireType, name, list);
    return true;
  });
  return list;
}

function readMapEntry(reader: BinaryReader, end: number, type: FieldType, name: string, map: Struct): void {
  let key = "";
  let value = emptyOf(type);
  eachField(reader, end, (number, wireType) => {
    if (number !== 1 && number !== 2) return false;
    if (number === 1) {
      expectWireType(wireType, WireType.LengthDelimited, name);
      key = reader.string();
    } else value = readValue(reader, end, type, wireType, name);
    return true;
  });
  // Assignment would change the prototype for the key `__proto__`.
  Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
}

/** The value of a map entry that has none. */
function emptyOf(type: FieldType): unknown {
  if (type.type === "list") return [];
  if (type.type !== "scalar") return {};
  switch (type.of) {
    case "string":
    case "bytes":
      return "";
    case "boolean":
      return false;
    case "quantity":
      return "0";
    case "time":
    case "microTime":
    case "any":
      return null;
    default:
      return 0;
  }
}
