/** Wrong usage or configuration: exit code 2. The message is one sentence for the person at the keyboard. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
