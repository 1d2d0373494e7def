const CONTEXT = 3;
/** Beyond this many comparisons the changed region is shown as replaced in one piece. */
const MOST_COMPARISONS = 4_000_000;

type Edit = { readonly sign: " " | "-" | "+"; readonly text: string };

function sharedStart(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

function editsBetween(a: readonly string[], b: readonly string[]): readonly Edit[] {
  if (a.length * b.length > MOST_COMPARISONS) {
    return [...a.map((text): Edit => ({ sign: "-", text })), ...b.map((text): Edit => ({ sign: "+", text }))];
  }
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ sign: " ", text: a[i] ?? "" });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      edits.push({ sign: "-", text: a[i] ?? "" });
      i += 1;
    } else {
      edits.push({ sign: "+", text: b[j] ?? "" });
      j += 1;
    }
  }
  return edits;
}

function range(start: number, length: number): string {
  if (length === 1) return String(start + 1);
  return `${length === 0 ? start : start + 1},${length}`;
}

function hunks(edits: readonly Edit[]): readonly string[] {
  const changed = edits.flatMap(({ sign }, index) => (sign === " " ? [] : [index]));
  const lines: string[] = [];
  let next = 0;
  while (next < changed.length) {
    const first = changed[next] ?? 0;
    let last = first;
    while (next < changed.length && (changed[next] ?? 0) - last <= 2 * CONTEXT) {
      last = changed[next] ?? 0;
      next += 1;
    }
    const from = Math.max(0, first - CONTEXT);
    const shown = edits.slice(from, last + CONTEXT + 1);
    const before = edits.slice(0, from);
    const count = (list: readonly Edit[], skipped: Edit["sign"]): number =>
      list.filter(({ sign }) => sign !== skipped).length;
    const left = range(count(before, "+"), count(shown, "+"));
    const right = range(count(before, "-"), count(shown, "-"));
    lines.push(`@@ -${left} +${right} @@`, ...shown.map(({ sign, text }) => `${sign}${text}`));
  }
  return lines;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => sorted(entry));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}

/** What differs between two JSON values, as a unified diff of their indented text; "" when nothing does. */
export function unifiedDiff(a: unknown, b: unknown): string {
  const [left, right] = [a, b].map((value) => (JSON.stringify(sorted(value), null, 1) ?? "null").split("\n"));
  if (left === undefined || right === undefined) return "";
  const head = sharedStart(left, right);
  const tail = sharedStart(left.slice(head).toReversed(), right.slice(head).toReversed());
  const same = (text: string): Edit => ({ sign: " ", text });
  const middle = editsBetween(left.slice(head, left.length - tail), right.slice(head, right.length - tail));
  const edits = [...left.slice(0, head).map(same), ...middle, ...left.slice(left.length - tail).map(same)];
  const lines = hunks(edits);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
