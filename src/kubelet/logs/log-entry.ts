/** One entry of a container log in CRI format: `<RFC 3339 time> <stdout|stderr> <tags> <message>`. */
export interface LogEntry {
  /** As written. */
  readonly timestamp: string;
  readonly stream: "stdout" | "stderr";
  /** False when the runtime cut a long line here: the next entry of the stream goes on with it. */
  readonly complete: boolean;
  readonly message: Uint8Array;
}

const SPACE = 0x20;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const decoder = new TextDecoder();

/** Parses one line without its newline; undefined for anything else. */
export function parseLogEntry(line: Uint8Array): LogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = first < 0 ? -1 : line.indexOf(SPACE, first + 1);
  if (second < 0) return undefined;
  const third = line.indexOf(SPACE, second + 1);
  // An empty message may come without the space before it.
  const end = third < 0 ? line.length : third;
  const timestamp = decoder.decode(line.subarray(0, first));
  const stream = decoder.decode(line.subarray(first + 1, second));
  if ((stream !== "stdout" && stream !== "stderr") || !TIME.test(timestamp)) return undefined;
  const [tag] = decoder.decode(line.subarray(second + 1, end)).split(":");
  return { timestamp, stream, complete: tag !== "P", message: line.subarray(end + 1) };
}
