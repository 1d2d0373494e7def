import { SelectorError } from "./label-selector.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly negated: boolean;
}

export type FieldMatcher = (fields: Readonly<Record<string, string>>) => boolean;

/**
 * Parses the text form of a field selector: `metadata.name=web,status.phase!=Running`.
 *
 * @throws SelectorError
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === "") continue;
    const match = /!=|==|=/.exec(term);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const value = unescape(term.slice(match.index + match[0].length));
    requirements.push({ field: term.slice(0, match.index), value, negated: match[0] === "!=" });
  }
  return requirements;
}

/** undefined when everything matches. */
export function fieldMatcher(requirements: readonly FieldRequirement[]): FieldMatcher | undefined {
  if (requirements.length === 0) return undefined;
  return (fields) => requirements.every(({ field, value, negated }) => ((fields[field] ?? "") === value) !== negated);
}

/** The one value a field must have, when the selector says so. undefined also for a selector that can not be read. */
export function exactFieldValue(text: string, field: string): string | undefined {
  if (text === "") return undefined;
  try {
    const found = parseFieldSelector(text).find((requirement) => requirement.field === field && !requirement.negated);
    return found === undefined || found.value === "" ? undefined : found.value;
  } catch {
    return undefined;
  }
}

function splitTerms(text: string): readonly string[] {
  return text.match(/(?:\\.|[^,\\]|\\$)+/gsu) ?? [];
}

function unescape(value: string): string {
  let result = "";
  for (let index = 0; index < value.length; index++) {
    const character = value[index] ?? "";
    if (character === "\\") {
      const escaped = value[index + 1] ?? "";
      if (!["\\", ",", "="].includes(escaped)) {
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped}`);
      }
      result += escaped;
      index += 1;
    } else if (character === "=") {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`);
    } else result += character;
  }
  return result;
}
