/**
 * A long-running part of a process. Constructing one starts nothing; `run` works until the signal aborts, then cleans up
 * and resolves. It calls `ready` once, when others may rely on it. A rejection means it failed.
 */
export interface Unit {
  readonly name: string;
  run(signal: AbortSignal, ready: () => void): Promise<void>;
}

interface Running {
  readonly stop: () => void;
  readonly ended: Promise<void>;
}

/**
 * Starts units in order, each after the one before is ready (or has ended); stops them in reverse, each after the one
 * after it has ended. The first failure stops all and is thrown once all have ended. Resolves when all ended by
 * themselves or after `outer` aborted.
 *
 * @param ready called once, when the last unit is ready
 */
export async function runUnits(units: readonly Unit[], outer: AbortSignal, ready?: () => void): Promise<void> {
  const failures: unknown[] = [];
  const stopping = new AbortController();
  const stopAll = (): void => stopping.abort(outer.reason);
  if (outer.aborted) return;
  outer.addEventListener("abort", stopAll, { once: true });

  const running: Running[] = [];
  try {
    for (const unit of units) {
      if (stopping.signal.aborted) break;
      running.push(
        await start(unit, stopping.signal, (reason) => {
          failures.push(reason);
          stopping.abort(reason);
        }),
      );
    }
    if (!stopping.signal.aborted) {
      ready?.();
      await Promise.race([aborted(stopping.signal), Promise.all(running.map(({ ended }) => ended))]);
    }
    for (const { stop, ended } of running.toReversed()) {
      stop();
      await ended;
    }
  } finally {
    outer.removeEventListener("abort", stopAll);
  }
  if (failures.length > 0) throw failures[0];
}

/** Resolves once the unit is ready, has ended, or all are to stop. */
async function start(unit: Unit, stopping: AbortSignal, failed: (reason: unknown) => void): Promise<Running> {
  const own = new AbortController();
  let becomeReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const ended = Promise.resolve()
    .then(() => unit.run(own.signal, becomeReady))
    .catch((reason: unknown) => {
      // What is thrown because it was told to stop is no failure.
      if (!own.signal.aborted || reason !== own.signal.reason) failed(reason);
    });
  await Promise.race([ready, ended, aborted(stopping)]);
  return { stop: () => own.abort(), ended };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Many units as one. "in-order" starts and stops like `runUnits`, "together" starts all at once. */
export function createUnitGroup(name: string, units: readonly Unit[], start: "in-order" | "together"): Unit {
  return {
    name,
    run: (signal, ready) => (start === "in-order" ? runUnits(units, signal, ready) : runTogether(units, signal, ready)),
  };
}

async function runTogether(units: readonly Unit[], signal: AbortSignal, ready: () => void): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(signal.reason);
  if (signal.aborted) return;
  signal.addEventListener("abort", stop, { once: true });
  let waitingFor = units.length;
  const oneReady = (): void => {
    waitingFor -= 1;
    if (waitingFor === 0) ready();
  };
  if (units.length === 0) ready();
  try {
    const results = await Promise.allSettled(
      units.map((unit) =>
        runUnits([unit], stopping.signal, oneReady).catch((reason: unknown) => {
          stopping.abort(reason);
          throw reason;
        }),
      ),
    );
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
