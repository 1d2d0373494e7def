/** Where records that must be kept are written, one line each. */
export interface RecordLog {
  /**
   * Takes one line, without its end. Never waits and never throws.
   * @returns false when it was dropped: the medium is broken, or too slow for what is already waiting
   */
  append(line: string): boolean;
}
