/** What a look at the raw text tells that a parsed value can not. */
export interface JsonScan {
  /** Where and why the text is no JSON. */
  readonly problem?: { readonly offset: number; readonly message: string };
  /** Paths of keys that stand twice in the same object, e.g. `spec.containers[0].name`. */
  readonly duplicates: readonly string[];
}

const MAX_DEPTH = 1_000;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
interface Container {
  /** undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** Key or index of the value being read. */
  at: string;
  index: number;
}

type Expecting = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "end";

/**
 * Reads JSON text for what JSON.parse does not tell: where it goes wrong (in the words of Go's decoder), and which keys
 * are given twice. Nesting deeper than 1,000 is a problem too.
 */
export function scanJson(text: string): JsonScan {
  const duplicates: string[] = [];
  const stack: Container[] = [];
  let offset = 0;
  let expecting = "value" as Expecting;

  const problem = (where: number, what: string): JsonScan => {
    const character = text[where];
    const message =
      character === undefined ? "unexpected end of JSON input" : `invalid character ${goQuote(character)} ${what}`;
    return { problem: { offset: where, message }, duplicates };
  };
  const afterValue = (): void => {
    expecting = stack.length === 0 ? "end" : "comma-or-end";
  };

  for (;;) {
    while (isSpace(text.charCodeAt(offset))) offset += 1;
    const character = text[offset];
    if (character === undefined) return expecting === "end" ? { duplicates } : problem(offset, "");
    const inside = stack.at(-1);

    if (expecting === "end") return problem(offset, "after top-level value");
    if (expecting === "colon") {
      if (character !== ":") return problem(offset, "after object key");
      offset += 1;
      expecting = "value";
    } else if (expecting === "comma-or-end" && character === ",") {
      offset += 1;
      if (inside !== undefined) inside.index += 1;
      expecting = inside?.keys === undefined ? "value" : "key";
    } else if (
      (character === "}" &&
        inside?.keys !== undefined &&
        (expecting === "comma-or-end" || expecting === "key-or-end")) ||
      (character === "]" &&
        inside?.keys === undefined &&
        inside !== undefined &&
        (expecting === "comma-or-end" || expecting === "value-or-end"))
    ) {
      offset += 1;
      stack.pop();
      afterValue();
    } else if (expecting === "comma-or-end") {
      return problem(offset, inside?.keys === undefined ? "after array element" : "after object key:value pair");
    } else if (expecting === "key" || expecting === "key-or-end") {
      if (character !== '"') return problem(offset, "looking for beginning of object key string");
      const end = endOfString(text, offset);
      if (end === undefined) return problem(badCharacterInString(text, offset), "in string literal");
      const raw = text.slice(offset, end);
      const key = raw.includes("\\") ? String(JSON.parse(raw)) : raw.slice(1, -1);
      if (inside?.keys !== undefined) {
        inside.at = key;
        if (inside.keys.has(key)) duplicates.push(pathOf(stack));
        inside.keys.add(key);
      }
      offset = end;
      expecting = "colon";
    } else if (character === "{" || character === "[") {
      if (stack.length === MAX_DEPTH) return { problem: { offset, message: "exceeded max depth" }, duplicates };
      stack.push({ keys: character === "{" ? new Set() : undefined, at: "", index: 0 });
      offset += 1;
      expecting = character === "{" ? "key-or-end" : "value-or-end";
    } else {
      const end = endOfScalar(text, offset);
      if (end === undefined) {
        return character === '"'
          ? problem(badCharacterInString(text, offset), "in string literal")
          : problem(offset, "looking for beginning of value");
      }
      offset = end;
      afterValue();
    }
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function endOfScalar(text: string, start: number): number | undefined {
  if (text[start] === '"') return endOfString(text, start);
  for (const word of ["true", "false", "null"]) if (text.startsWith(word, start)) return start + word.length;
  NUMBER.lastIndex = start;
  return NUMBER.test(text) ? NUMBER.lastIndex : undefined;
}

/** undefined when the string is not legal. */
function endOfString(text: string, start: number): number | undefined {
  const { offset, legal } = readString(text, start);
  return legal ? offset : undefined;
}

function badCharacterInString(text: string, start: number): number {
  return readString(text, start).offset;
}

/** Where the string ends, or where it goes wrong. */
function readString(text: string, start: number): { readonly offset: number; readonly legal: boolean } {
  let offset = start + 1;
  for (;;) {
    const code = text.charCodeAt(offset);
    if (code === 0x22) return { offset: offset + 1, legal: true };
    if (Number.isNaN(code) || code < 0x20) return { offset, legal: false };
    if (code !== 0x5c) offset += 1;
    else if (text[offset + 1] === "u") {
      if (!/^[0-9a-fA-F]{4}$/.test(text.slice(offset + 2, offset + 6))) return { offset: offset + 2, legal: false };
      offset += 6;
    } else {
      if (!'"\\/bfnrt'.includes(text[offset + 1] ?? "x")) return { offset: offset + 1, legal: false };
      offset += 2;
    }
  }
}

function pathOf(stack: readonly Container[]): string {
  let path = "";
  for (const { keys, at, index } of stack) {
    if (keys === undefined) path += `[${index}]`;
    else path += path === "" ? at : `.${at}`;
  }
  return path;
}

function goQuote(character: string): string {
  if (character === "'") return `'\\''`;
  if (character === '"') return `'"'`;
  return character < " " ? `'${JSON.stringify(character).slice(1, -1)}'` : `'${character}'`;
}

/** Line and column of an offset, both from 1. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}
