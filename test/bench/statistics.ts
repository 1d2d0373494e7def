/** The value below which `share` (0..1) of the samples lie; NaN for none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

/** Calls `work` from `clients` loops at once until `total` calls were made; times are milliseconds. */
export async function load(
  clients: number,
  total: number,
  work: (index: number) => Promise<boolean>,
): Promise<LoadResult> {
  const times: number[] = [];
  let next = 0;
  let failures = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    while (next < total) {
      const index = next++;
      const start = performance.now();
      if (!(await work(index))) failures += 1;
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: total / seconds, p50: percentile(times, 0.5), p99: percentile(times, 0.99), failures };
}

/** Resident memory of a process in MiB. */
export function residentMebibytes(status: string): number {
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** A Markdown table, for pasting into docs/benchmarks.md. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const text = (cell: string | number): string => (typeof cell === "number" ? cell.toFixed(cell < 10 ? 2 : 0) : cell);
  return [header, header.map(() => "---"), ...rows.map((row) => row.map(text))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}
