import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is not undefined. @throws with the name of what was waited for */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { signal, withinMs = 240_000 }: { readonly signal: AbortSignal; readonly withinMs?: number },
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${withinMs / 1000} s for ${what}, in vain`);
    await sleep(200, undefined, { signal });
  }
}
