import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type Json = Readonly<Record<string, unknown>>;
type Write = (writer: BinaryWriter, number: number, value: unknown) => void;

/** Fields of a message by their JSON name; "x-…" entries go into the field `extensions`. */
interface Message {
  readonly fields: Readonly<Record<string, readonly [number: number, write: Write]>>;
  readonly extensions?: number;
}

const text: Write = (writer, number, value) => {
  writer.tag(number, WireType.LengthDelimited).string(String(value));
};
const flag: Write = (writer, number, value) => {
  writer.tag(number, WireType.Varint).bool(value === true);
};
/** Any value: its YAML text, of which JSON is one form. */
const anything: Write = wrapped((writer, number, value) => {
  text(writer, number, JSON.stringify(value));
}, 2);

function each(write: Write): Write {
  return (writer, number, values) => {
    for (const value of values as readonly unknown[]) write(writer, number, value);
  };
}

/** One value, or several, as the only field of a message of its own. */
function wrapped(write: Write, field = 1): Write {
  return (writer, number, value) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    write(writer, field, value);
    writer.join();
  };
}

/** A map as repeated messages of name (1) and value (2). */
function named(write: Write): Write {
  return (writer, number, values) => {
    for (const [name, value] of Object.entries(values as Json)) {
      writer.tag(number, WireType.LengthDelimited).fork();
      text(writer, 1, name);
      write(writer, 2, value);
      writer.join();
    }
  };
}

function message(describe: () => Message): Write {
  return (writer, number, value) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(writer, describe(), value as Json);
    writer.join();
  };
}

const extension = named(anything);

function writeMessage(writer: BinaryWriter, { fields, extensions }: Message, values: Json): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const field = fields[key];
    if (field !== undefined) field[1](writer, field[0], value);
    else if (extensions !== undefined && key.startsWith("x-")) extension(writer, extensions, { [key]: value });
    else throw new TypeError(`the OpenAPI v2 message has no place for "${key}": add its field number here`);
  }
}

const SCHEMA: Message = {
  extensions: 31,
  fields: {
    $ref: [1, text],
    format: [2, text],
    default: [5, anything],
    required: [19, each(text)],
    additionalProperties: [21, wrapped((...parts) => schema(...parts))],
    type: [22, wrapped(text)],
    items: [23, wrapped((...parts) => schema(...parts))],
    properties: [25, wrapped(named((...parts) => schema(...parts)))],
  },
};
const schema = message(() => SCHEMA);

const BODY = message(() => ({
  fields: { name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] },
}));
const QUERY = message(() => ({
  fields: { in: [2, text], name: [4, text], type: [6, text], uniqueItems: [20, flag] },
}));
const PATH = message(() => ({
  fields: { required: [1, flag], in: [2, text], name: [4, text], type: [5, text], uniqueItems: [19, flag] },
}));

/** ParametersItem.parameter (1) is a body parameter (1), or one elsewhere (2): in the query (3), in the path (4). */
const parameter: Write = (writer, number, value) => {
  const place = (value as Json)["in"];
  const write = place === "body" ? BODY : place === "path" ? wrapped(PATH, 4) : wrapped(QUERY, 3);
  wrapped(wrapped(write, place === "body" ? 1 : 2))(writer, number, value);
};

const RESPONSE = message(() => ({ fields: { description: [1, text], schema: [2, wrapped(schema)] } }));

const OPERATION = message(() => ({
  extensions: 13,
  fields: {
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, each(parameter)],
    responses: [9, wrapped(named(wrapped(RESPONSE)))],
  },
}));

const PATH_ITEM = message(() => ({
  fields: {
    get: [2, OPERATION],
    put: [3, OPERATION],
    post: [4, OPERATION],
    delete: [5, OPERATION],
    patch: [8, OPERATION],
    parameters: [9, each(parameter)],
  },
}));

const DOCUMENT: Message = {
  fields: {
    swagger: [1, text],
    info: [2, message(() => ({ fields: { title: [1, text], version: [2, text] } }))],
    /** Its field 1 holds extensions. */
    paths: [8, wrapped(named(PATH_ITEM), 2)],
    definitions: [9, wrapped(named(schema))],
  },
};

/**
 * An OpenAPI v2 document as the message openapi.v2.Document, which is the only form client-go asks for. Throws TypeError
 * for a part that has no field here yet.
 */
export function swaggerMessage(document: Json): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, DOCUMENT, document);
  return writer.finish();
}
