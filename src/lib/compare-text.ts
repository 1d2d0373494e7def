/** Orders texts by their code units, the same on every machine. */
export function compareText(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
