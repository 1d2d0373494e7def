import type { EventEmitter } from "node:events";

/** Resolves at the next of `events`, leaving no listener behind; never rejects. */
export function nextEvent(emitter: EventEmitter, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) emitter.off(event, settle);
      resolve();
    };
    for (const event of events) emitter.on(event, settle);
  });
}
