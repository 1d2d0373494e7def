import { spawn } from "node:child_process";
import { OrlopError } from "../../lib/orlop-error.ts";

export interface CommandOptions {
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Bytes for standard input; absent: /dev/null. */
  readonly input?: AsyncIterable<Uint8Array>;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a program without a shell and waits for it.
 *
 * @throws OrlopError Unsupported when the program is not installed, Cancelled when the signal fired, Internal with the
 * last line it wrote to standard error when it failed.
 */
export async function runCommand(
  file: string,
  parameters: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  options.signal?.throwIfAborted();
  const child = spawn(file, parameters, {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.signal !== undefined && { signal: options.signal }),
    ...(options.env !== undefined && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const ended = new Promise<{ code: number | null; killedBy: string | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) => resolve({ code, killedBy }));
  });
  const fed = options.input === undefined || child.stdin === null ? undefined : feed(child.stdin, options.input);
  let result: { code: number | null; killedBy: string | null };
  try {
    [result] = await Promise.all([ended, fed]);
  } catch (cause) {
    child.kill("SIGKILL");
    if (options.signal?.aborted === true) {
      throw new OrlopError("Cancelled", `${file} was interrupted`, { cause });
    }
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      throw new OrlopError("Unsupported", `the program "${file}" is not installed`, { cause });
    }
    throw new OrlopError("Internal", `cannot run ${file}: ${String(cause)}`, { cause });
  }
  const output = { stdout: stdout(), stderr: stderr() };
  if (result.code === 0) return output;
  const how = result.killedBy === null ? `failed with exit code ${result.code}` : `was killed by ${result.killedBy}`;
  throw new OrlopError("Internal", `${[file, ...parameters.slice(0, 4)].join(" ")} ${how}: ${lastLine(output)}`);
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (size < KEPT_OUTPUT_BYTES) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

async function feed(stdin: NodeJS.WritableStream, input: AsyncIterable<Uint8Array>): Promise<void> {
  // A program that ends before it read everything is judged by its exit code, not by the broken pipe.
  stdin.on("error", () => undefined);
  for await (const chunk of input) {
    if (!stdin.write(chunk)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          stdin.off("drain", go);
          stdin.off("close", go);
          resolve();
        };
        stdin.on("drain", go);
        stdin.on("close", go);
      });
    }
  }
  stdin.end();
}

function lastLine(output: CommandOutput): string {
  const lines = `${output.stdout}\n${output.stderr}`.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /^E: |error/i.test(line));
  return (errors.at(-1) ?? lines.at(-1) ?? "it wrote nothing").trim();
}
