/** Ranges of a pool by what became of them. */
export interface PoolCounts {
  readonly used: number;
  /** Out of circulation: named by mapping files that can not be used. */
  readonly reserved: number;
  readonly free: number;
}

const LOW = 0.1;
const ENOUGH = 0.2;

/** Whether few ranges are left: below a tenth, until a fifth is free again. */
export function isPoolLow({ used, reserved, free }: PoolCounts, before: boolean): boolean {
  const share = free / Math.max(1, used + reserved + free);
  return before ? share < ENOUGH : share < LOW;
}

/** e.g. `4 of 110 ranges of user namespace IDs are free, 2 are reserved …` */
export function describePool({ used, reserved, free }: PoolCounts): string {
  const kept =
    reserved === 0
      ? ""
      : `, ${reserved} ${reserved === 1 ? "is" : "are"} reserved because of mapping files that can not be used (see the log)`;
  return `${free} of ${used + reserved + free} ranges of user namespace IDs are free${kept}; delegate more IDs to the user "kubelet" in /etc/subuid and /etc/subgid, or lower maxPods`;
}
