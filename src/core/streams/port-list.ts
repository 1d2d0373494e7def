import { failed, ok, type Result } from "../../lib/result.ts";

const PORT = /^\d+$/;

/** Ports of a WebSocket port-forward: `port` repeated or comma-separated, each 1…65535. Texts are upstream's. */
export function parsePortList(values: readonly string[]): Result<readonly number[]> {
  if (values.length === 0) return failed('query parameter "port" is required');
  const ports: number[] = [];
  for (const value of values) {
    if (value === "") return failed('query parameter "port" cannot be empty');
    for (const text of value.split(",")) {
      const unparsable = (why: string): Result<never> =>
        failed(
          `unable to parse ${JSON.stringify(value)} as a port: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
        );
      if (!PORT.test(text)) return unparsable("invalid syntax");
      const port = Number(text);
      if (port > 65535) return unparsable("value out of range");
      if (port === 0) return failed(`port ${JSON.stringify(value)} must be > 0`);
      ports.push(port);
    }
  }
  return ok(ports);
}
