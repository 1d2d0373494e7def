/**
 * Runs `work` until it ends or the process is told to stop. SIGTERM and SIGINT abort the signal once; a second one ends the
 * process at once, for the person who does not want to wait.
 */
export async function untilToldToStop<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let asked = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    asked += 1;
    if (asked > 1) process.exit(name === "SIGINT" ? 130 : 143);
    stop.abort(new Error(`told to stop by ${name}`));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  try {
    return await work(stop.signal);
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  }
}
