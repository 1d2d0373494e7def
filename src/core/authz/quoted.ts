const GO_ESCAPES: Readonly<Record<string, string>> = { "\\u0007": "\\a", "\\u000b": "\\v" };

/** Text as Go's %q prints it, for messages people know from Kubernetes. */
export function quoted(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([01][0-9a-f])/g, (escape, code: string) => GO_ESCAPES[escape] ?? `\\x${code}`)
    .replaceAll("\u007f", "\\x7f");
}

/** A list as Go's %q prints a slice: ["a" "b"]. */
export function quotedList(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(" ")}]`;
}

/** Several problems as one text, the way Kubernetes joins them: one alone, or [a, b] without repetitions. */
export function joinedProblems(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
}
