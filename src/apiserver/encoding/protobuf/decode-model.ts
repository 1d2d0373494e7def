import { formatMicroTime, formatTime } from "../../../api/rfc3339.ts";
import { modelOf } from "../../../api/schema/model.ts";
import type { Field, FieldType, ScalarType } from "../../../api/schema/model.ts";
import { FIELD_NUMBERS } from "./field-numbers.ts";
import { ProtobufError, readFields, readPacked } from "./wire.ts";
import type { WireField } from "./wire.ts";

const MAX_DEPTH = 100;

/** What a field number of a message leads to: a field of the model, or a message whose fields belong to the model too. */
type Target = { readonly field: Field } | { readonly inner: NumberedFields };
type NumberedFields = Map<number, Target>;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a message into the JSON form of a model. Numbers the model does not know are passed over, as the API conventions
 * want it.
 *
 * @throws ProtobufError
 */
export type ModelDecoder = (model: string, message: Uint8Array) => Readonly<Record<string, unknown>>;

export function createModelDecoder(): ModelDecoder {
  const tables = new Map<string, NumberedFields>();
  const tableOf = (model: string): NumberedFields => {
    const known = tables.get(model);
    if (known !== undefined) return known;
    const table = numberedFields(model);
    tables.set(model, table);
    return table;
  };

  const decodeMessage = (model: string, message: Uint8Array, depth: number): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    readInto(result, tableOf(model), message, depth);
    return result;
  };
  const readInto = (
    result: Record<string, unknown>,
    table: NumberedFields,
    message: Uint8Array,
    depth: number,
  ): void => {
    if (depth > MAX_DEPTH) throw new ProtobufError("messages nested too deep");
    for (const wire of readFields(message)) {
      const target = table.get(wire.number);
      if (target === undefined) continue;
      if ("inner" in target) readInto(result, target.inner, bytesOf(wire), depth);
      else addField(result, target.field, wire, depth);
    }
  };
  const addField = (result: Record<string, unknown>, { name, type }: Field, wire: WireField, depth: number): void => {
    if (type.type === "list") {
      const list = (result[name] ??= []) as unknown[];
      if (wire.type === "bytes" && isNumber(type.of)) list.push(...readPacked(wire.bytes).map(signed));
      else list.push(decodeValue(type.of, wire, depth));
    } else if (type.type === "map") {
      const { key, value } = decodeEntry(type.of, bytesOf(wire), depth);
      const map = (result[name] ??= {}) as Record<string, unknown>;
      Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
    } else result[name] = decodeValue(type, wire, depth);
  };
  const decodeEntry = (
    type: FieldType,
    entry: Uint8Array,
    depth: number,
  ): { readonly key: string; readonly value: unknown } => {
    let key = "";
    let value: unknown;
    for (const wire of readFields(entry)) {
      if (wire.number === 1) key = textOf(bytesOf(wire));
      else if (wire.number === 2) value = decodeValue(type, wire, depth);
    }
    return { key, value: value ?? emptyOf(type) };
  };
  const decodeValue = (type: FieldType, wire: WireField, depth: number): unknown => {
    switch (type.type) {
      case "scalar":
        return decodeScalar(type.of, wire);
      case "model":
        return decodeMessage(type.of, bytesOf(wire), depth + 1);
      case "list": {
        // A list inside a map is a message with the items as its first field.
        const items: unknown[] = [];
        for (const item of readFields(bytesOf(wire))) {
          if (item.number === 1) items.push(decodeValue(type.of, item, depth + 1));
        }
        return items;
      }
      case "map":
        throw new ProtobufError("a map of maps");
    }
  };
  return (model, message) => decodeMessage(model, message, 0);
}

function numberedFields(model: string): NumberedFields {
  const { fields } = modelOf(model);
  const root: NumberedFields = new Map();
  for (const entry of (FIELD_NUMBERS[model] ?? "").split(" ")) {
    const [name = "", path = ""] = entry.split("=");
    const field = fields.get(name);
    if (field === undefined) continue;
    const numbers = path.split(".").map(Number);
    let table = root;
    for (const number of numbers.slice(0, -1)) {
      const known = table.get(number);
      const inner: NumberedFields = known !== undefined && "inner" in known ? known.inner : new Map();
      table.set(number, { inner });
      table = inner;
    }
    table.set(numbers.at(-1) ?? 0, { field });
  }
  return root;
}

function decodeScalar(type: ScalarType, wire: WireField): unknown {
  switch (type) {
    case "string":
      return textOf(bytesOf(wire));
    case "boolean":
      return numberOf(wire) !== 0;
    case "int32":
    case "int64":
      return numberOf(wire);
    case "double":
      return doubleOf(wire);
    case "bytes":
      return base64(bytesOf(wire));
    case "time":
    case "microTime":
      return timeOf(bytesOf(wire), type);
    case "quantity":
      return firstText(bytesOf(wire));
    case "intOrString":
      return intOrString(bytesOf(wire));
    case "any":
      return rawJson(bytesOf(wire));
  }
}

function emptyOf(type: FieldType): unknown {
  if (type.type === "list") return [];
  if (type.type !== "scalar") return {};
  if (type.of === "boolean") return false;
  return type.of === "int32" || type.of === "int64" || type.of === "double" ? 0 : "";
}

function isNumber(type: FieldType): boolean {
  return type.type === "scalar" && (type.of === "int32" || type.of === "int64" || type.of === "boolean");
}

function bytesOf(wire: WireField): Uint8Array {
  if (wire.type !== "bytes") throw new ProtobufError(`field ${wire.number} is not what it should be`);
  return wire.bytes;
}

function numberOf(wire: WireField): number {
  if (wire.type !== "varint") throw new ProtobufError(`field ${wire.number} is no number`);
  return signed(wire.value);
}

function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function doubleOf(wire: WireField): number {
  if (wire.type !== "fixed" || wire.bytes.length !== 8) throw new ProtobufError(`field ${wire.number} is no double`);
  return new DataView(wire.bytes.buffer, wire.bytes.byteOffset, 8).getFloat64(0, true);
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ProtobufError("a text that is not UTF-8");
  }
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let start = 0; start < bytes.length; start += 8_192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8_192));
  }
  return btoa(binary);
}

/** Seconds and nanoseconds; the time 0 means that none was given. */
function timeOf(message: Uint8Array, type: "time" | "microTime"): string | null {
  let seconds = 0;
  let nanoseconds = 0;
  for (const wire of readFields(message)) {
    if (wire.number === 1) seconds = numberOf(wire);
    else if (wire.number === 2) nanoseconds = numberOf(wire);
  }
  if (seconds === 0 && nanoseconds === 0) return null;
  if (Math.abs(seconds) > 253_402_300_799) throw new ProtobufError("a time that no calendar holds");
  return type === "time" ? formatTime({ seconds, nanoseconds }) : formatMicroTime({ seconds, nanoseconds });
}

function firstText(message: Uint8Array): string {
  let text = "";
  for (const wire of readFields(message)) if (wire.number === 1) text = textOf(bytesOf(wire));
  return text;
}

function intOrString(message: Uint8Array): number | string {
  let isText = false;
  let number = 0;
  let text = "";
  for (const wire of readFields(message)) {
    if (wire.number === 1) isText = numberOf(wire) === 1;
    else if (wire.number === 2) number = numberOf(wire);
    else if (wire.number === 3) text = textOf(bytesOf(wire));
  }
  return isText ? text : number;
}

/** JSON inside of protobuf: a raw extension, or the fields of a managed-fields entry. */
function rawJson(message: Uint8Array): unknown {
  const text = firstText(message);
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtobufError("an extension that is no JSON");
  }
}
