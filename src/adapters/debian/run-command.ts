import { spawn } from "node:child_process";
import { OrlopError } from "../../lib/orlop-error.ts";

export interface CommandOptions {
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a program without a shell and without input, and waits for it.
 *
 * @throws OrlopError Unsupported when the program is not installed, Cancelled when the signal fired, Internal with the
 * line that tells why when it failed.
 */
export async function runCommand(
  file: string,
  parameters: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  options.signal?.throwIfAborted();
  const child = spawn(file, parameters, {
    stdio: ["ignore", "pipe", "pipe"],
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
  let result: { code: number | null; killedBy: string | null };
  try {
    result = await ended;
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
  throw new OrlopError("Internal", `${[file, ...parameters.slice(0, 4)].join(" ")} ${how}: ${reasonIn(output)}`);
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

/** The line that tells the reason: programs name it first and then what follows from it. */
function reasonIn(output: CommandOutput): string {
  const lines = `${output.stdout}\n${output.stderr}`.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /^E: |error/i.test(line)) ?? lines.at(-1) ?? "it wrote nothing").trim();
}
