import { SelectorError } from "./label-selector.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

function termsOf(text: string): readonly string[] {
  return text.match(/(?:\\[\s\S]|[^,\\]|\\$)+/gu) ?? [];
}

function unescapeValue(text: string): string {
  let value = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "," || character === "=") {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`);
    }
    if (character !== "\\") value += character;
    else {
      const next = text.charAt(at + 1);
      if (next === "" || !"\\,=".includes(next)) {
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
      }
      value += next;
      at += 1;
    }
  }
  return value;
}

/**
 * Reads `metadata.name=web,status.phase!=Running`; `\,`, `\=` and `\\` stand for themselves in values.
 *
 * @throws SelectorError
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return termsOf(text).map((term) => {
    const match = /!=|==|=/u.exec(term);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    return {
      field: term.slice(0, match.index),
      operator: match[0] === "!=" ? "!=" : "=",
      value: unescapeValue(term.slice(match.index + match[0].length)),
    };
  });
}

const PLAIN_FIELDS = ["metadata.name", "metadata.namespace"];

/** Text of the refusal when a kind can not be selected by a field; undefined when all are known. */
export function unsupportedField(
  requirements: readonly FieldRequirement[],
  selectable: Readonly<Record<string, string>>,
): string | undefined {
  const isPlain = Object.keys(selectable).every((field) => PLAIN_FIELDS.includes(field));
  const known = new Set([...Object.keys(selectable), ...(isPlain ? PLAIN_FIELDS : [])]);
  const unknown = requirements.find(({ field }) => !known.has(field));
  if (unknown === undefined) return undefined;
  return isPlain
    ? `${JSON.stringify(unknown.field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
    : `field label not supported: ${unknown.field}`;
}

export function matchesFields(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ field, operator, value }) => ((fields[field] ?? "") === value) === (operator === "="));
}
