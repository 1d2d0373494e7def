import type { Unit } from "../../machinery/unit.ts";

/** A unit that does `work` over and over until it is told to stop; whoever works has to wait for something in it. */
export function createWorker(name: string, work: (signal: AbortSignal) => Promise<void>): Unit {
  return {
    name,
    async run(signal, ready) {
      ready();
      while (!signal.aborted) {
        try {
          await work(signal);
        } catch (reason) {
          if (!signal.aborted) throw reason;
        }
      }
    },
  };
}
