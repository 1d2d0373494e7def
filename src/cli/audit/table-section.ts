/** A part of the report for terminals. */
export interface TableSection {
  readonly title: string;
  readonly body: string;
  readonly tone?: "danger" | "warning";
}

/** A section with columns as wide as their widest cell; none when there are no rows. */
export function tableSection(
  title: string,
  rows: readonly (readonly string[])[],
  options: { readonly head?: readonly string[]; readonly tone?: "danger" | "warning" } = {},
): readonly TableSection[] {
  if (rows.length === 0) return [];
  const { head, tone } = options;
  const body = columns(head === undefined ? rows : [head, ...rows]);
  return [{ title, body, ...(tone !== undefined && { tone }) }];
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((found, row) => {
    for (const [index, cell] of row.entries()) found[index] = Math.max(found[index] ?? 0, cell.length);
    return found;
  }, []);
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join("\n");
}
