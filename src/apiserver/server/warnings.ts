const MAX_TOTAL_LENGTH = 4_096;

export interface Warnings {
  readonly add: (text: string) => void;
  /** Values of the `Warning` header. */
  headers(): readonly string[];
}

/** Collects texts for the client, each once, as many as a header may reasonably hold. */
export function createWarnings(): Warnings {
  const texts = new Set<string>();
  let total = 0;
  return {
    add(text) {
      if (texts.has(text) || total + text.length > MAX_TOTAL_LENGTH) return;
      texts.add(text);
      total += text.length;
    },
    headers: () => [...texts].map((text) => `299 - "${quoted(text)}"`),
  };
}

/** Header values hold printable Latin text only. */
function quoted(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"');
}
