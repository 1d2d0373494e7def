import { execFile } from "node:child_process";
import { OrlopError } from "../../lib/orlop-error.ts";

/** What a program wrote and how it ended. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const OUTPUT_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * Runs a program without a shell, with plain locale. A non-zero exit is an answer, not a failure.
 *
 * @throws OrlopError Unsupported when it is not installed, Cancelled when the signal fired.
 */
export function runProgram(file: string, parameters: readonly string[], signal: AbortSignal): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: OUTPUT_LIMIT_BYTES, env: { PATH: process.env["PATH"], LC_ALL: "C" } };
    execFile(file, parameters, options, (failure, stdout, stderr) => {
      if (failure === null) {
        resolve({ exitCode: 0, stdout, stderr });
      } else if (typeof failure.code === "number") {
        resolve({ exitCode: failure.code, stdout, stderr });
      } else if (signal.aborted) {
        reject(new OrlopError("Cancelled", `${file} was interrupted`, { cause: failure }));
      } else if ((failure as NodeJS.ErrnoException).code === "ENOENT") {
        reject(new OrlopError("Unsupported", `the program "${file}" is not installed`, { cause: failure }));
      } else {
        reject(new OrlopError("Internal", `cannot run ${file}: ${failure.message}`, { cause: failure }));
      }
    });
  });
}
