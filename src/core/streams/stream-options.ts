import { failed, ok, type Result } from "../../lib/result.ts";

/** Which streams of a command a client wants. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * Reads the kubelet's stream parameters: a flag is set only by the value "1". A terminal has no separate stderr, so
 * that is dropped silently, as upstream does.
 */
export function parseStreamOptions(form: URLSearchParams): Result<StreamOptions> {
  const flag = (name: string): boolean => form.get(name) === "1";
  const tty = flag("tty");
  const options = { stdin: flag("input"), stdout: flag("output"), stderr: flag("error") && !tty, tty };
  if (!options.stdin && !options.stdout && !options.stderr) {
    return failed("you must specify at least 1 of stdin, stdout, stderr");
  }
  return ok(options);
}
