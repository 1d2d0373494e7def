/** Where an object was read. Objects from a cluster have the file "" and the line 0. */
export interface Origin {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** An object with the places of its rules, so that findings can point at them. */
export interface Located<T> {
  readonly object: T;
  readonly origin: Origin;
  /** Line of each rule of a role, by its index. */
  readonly ruleLines?: readonly number[];
}

export const FROM_CLUSTER: Origin = { file: "", line: 0 };

/** "file:line", or "" for objects of a cluster. */
export function describeOrigin({ file, line }: Origin): string {
  return file === "" ? "" : `${file}:${line}`;
}
