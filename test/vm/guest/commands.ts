import { execFile } from "node:child_process";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a failure is an outcome. */
export function run(program: string, ...parameters: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, parameters, { maxBuffer: 64 * 2 ** 20 }, (failure, stdout, stderr) => {
      const code = failure === null ? 0 : typeof failure.code === "number" ? failure.code : 127;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Its standard output. @throws when it fails */
export async function output(program: string, ...parameters: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, ...parameters);
  if (code !== 0) throw new Error(`${[program, ...parameters].join(" ")} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}
