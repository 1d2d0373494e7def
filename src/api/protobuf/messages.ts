import { modelOf } from "../schema/index.ts";
import type { Field } from "../schema/index.ts";
import { PROTOBUF_FIELDS } from "./generated/fields.ts";

/**
 * What the field numbers of a message stand for: a field of the model, or a nested message whose fields JSON shows as
 * fields of this one.
 */
export type Message = ReadonlyMap<number, Field | Message>;

type Building = Map<number, Field | Building>;

export interface NumberedField {
  readonly name: string;
  /** Field numbers on the way to the field; the last one is its own. */
  readonly path: readonly number[];
  /** As in the schema table, e.g. `[]V1Container`. */
  readonly type: string;
}

/** The line of the table for a model, e.g. "V1Pod". Throws RangeError for a name the table does not hold. */
export function numberedFieldsOf(model: string): readonly NumberedField[] {
  const line = PROTOBUF_FIELDS[model];
  if (line === undefined) throw new RangeError(`no protobuf message for ${model}`);
  const entries = line === "" ? [] : line.split(" ");
  return entries.map((entry) => {
    const [, name = "", path = "", type = ""] = /^(\w+)=([\d.]+):(.+)$/u.exec(entry) ?? [];
    return { name, path: path.split(".").map(Number), type };
  });
}

function parseMessage(name: string): Message {
  const { fields } = modelOf(name);
  const message: Building = new Map();
  for (const { name: fieldName, path } of numberedFieldsOf(name)) {
    const field = fields.get(fieldName);
    const number = path.at(-1);
    if (field === undefined || number === undefined) throw new RangeError(`${name} has no field ${fieldName}`);
    let place = message;
    for (const outer of path.slice(0, -1)) {
      const known = place.get(outer);
      const inner: Building = known instanceof Map ? known : new Map();
      place.set(outer, inner);
      place = inner;
    }
    place.set(number, field);
  }
  return message;
}

const messages: ReadonlyMap<string, Message> = new Map(
  Object.keys(PROTOBUF_FIELDS).map((name) => [name, parseMessage(name)]),
);

/** The message behind a model of the schema. Throws RangeError for a name the table does not hold. */
export function messageOf(model: string): Message {
  const message = messages.get(model);
  if (message === undefined) throw new RangeError(`no protobuf message for ${model}`);
  return message;
}
