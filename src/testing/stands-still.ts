/** Resolves with a counter's value once it is above zero and has stopped growing. Too early an answer is a smaller one. */
export async function standsStill(read: () => number): Promise<number> {
  let before = -1;
  for (;;) {
    const now = read();
    if (now > 0 && now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
