/** Splits `name=value`; quotes around the value are not part of it. */
export function parseMountOption(option: string): { readonly name: string; readonly value?: string } {
  const at = option.indexOf("=");
  if (at < 0) return { name: option.trim() };
  return {
    name: option.slice(0, at).trim(),
    value: option
      .slice(at + 1)
      .trim()
      .replaceAll(/^"|"$/g, ""),
  };
}

/** Splits options at commas that stand outside of quotes, as mount(8) does. */
export function splitMountOptions(text: string): readonly string[] {
  return text.match(/(?:[^,"]|"[^"]*"?)+/g) ?? [];
}
