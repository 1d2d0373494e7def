/** Repeats `attempt` until it gives a value that is not undefined; throws with the last error after `timeout` ms. */
export async function waitFor<T>(
  what: string,
  attempt: () => Promise<T | undefined> | T | undefined,
  options: { readonly timeout?: number; readonly interval?: number } = {},
): Promise<T> {
  const deadline = performance.now() + (options.timeout ?? 60_000);
  let last: unknown;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (reason) {
      last = reason;
    }
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, options.interval ?? 200));
  }
}
