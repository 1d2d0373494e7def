import { once } from "node:events";

/** Writes to standard output and waits until it is out: the process ends right after, a pipe would lose the rest. */
export async function writeOut(text: string): Promise<void> {
  const failed = once(process.stdout, "error").then(([reason]: unknown[]) => {
    // A reader such as head that has enough is no failure.
    if (!(reason instanceof Error && "code" in reason && reason.code === "EPIPE")) throw reason;
  });
  await Promise.race([
    failed,
    new Promise<void>((done) => {
      process.stdout.write(text, () => done());
    }),
  ]);
}
