/** Parts of values nobody has validated. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as a mapping; an empty one when it is none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** A number is what YAML makes of names like 123. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

/** Labels and the like; what is no text is left out. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).flatMap(([key, item]) => {
      const text = textOf(item) ?? (typeof item === "boolean" ? String(item) : undefined);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

/** The value as a list; an empty one when it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
