import type { Result } from "../../lib/result.ts";
import { failed, ok } from "../../lib/result.ts";
import type { IdRange } from "./id-pool.ts";

/** What the host says of the range delegated to the user "kubelet". */
export type SubIdFacts =
  /** No such user, or no `getsubids` on the host: nothing is delegated. */
  | { readonly found: "nothing"; readonly because: "no-user" | "no-getsubids" }
  | { readonly found: "answer"; readonly uids: string; readonly gids: string }
  /** getsubids failed; a dead source of names and "no entry" look alike, so this is not read as "nothing". */
  | { readonly found: "failure"; readonly of: "uids" | "gids"; readonly reason: string };

/** The delegated range, or undefined when there is none and the default pool applies (user-namespaces.md 2.2). */
export function delegatedRange(facts: SubIdFacts): Result<IdRange | undefined> {
  switch (facts.found) {
    case "nothing":
      return ok(undefined);
    case "failure":
      return failed(
        facts.of === "uids"
          ? `error retrieving additional uids for user "kubelet": ${facts.reason}`
          : `error retrieving additional gids for user "kubelet": ${facts.reason}`,
      );
    case "answer":
      if (facts.uids !== facts.gids) return failed(`mismatched subuids and subgids for user "kubelet"`);
      return parseLine(facts.uids);
  }
}

/** e.g. `0: kubelet 65536 7208960` */
function parseLine(text: string): Result<IdRange> {
  const line = text.replace(/^\n+|\n+$/g, "");
  if (line.includes("\n")) return failed(`error parsing line ${JSON.stringify(line)}: it must contain only one line`);
  const fields = line.split(/\s+/).filter((field) => field !== "");
  const [, , first, length] = fields;
  if (fields.length !== 4 || first === undefined || length === undefined)
    return failed(`invalid line ${JSON.stringify(line)}`);
  for (const number of [first, length]) {
    if (!/^\d+$/.test(number) || Number(number) > 2 ** 32 - 1) {
      return failed(
        `error parsing line ${JSON.stringify(line)}: ${JSON.stringify(number)} is not an unsigned 32 bit number`,
      );
    }
  }
  return ok({ firstId: Number(first), length: Number(length) });
}
