import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../lib/orlop-error.ts";

const run = promisify(execFile);

/** What the host delegated to the user "kubelet"; the meaning is decided by core/userns/sub-ids. */
export type SubIdAnswer =
  | { readonly found: "nothing"; readonly because: "no-user" | "no-getsubids" }
  | { readonly found: "answer"; readonly uids: string; readonly gids: string }
  | { readonly found: "failure"; readonly of: "uids" | "gids"; readonly reason: string };

/**
 * Asks `getent passwd kubelet` and `getsubids`. A host without getsubids has delegated nothing: upstream 1.36 refuses to
 * start there, which its own documentation does not intend (user-namespaces.md 2.2).
 */
export async function readSubIds(signal: AbortSignal): Promise<SubIdAnswer> {
  const options = { signal, timeout: 10_000 };
  try {
    await run("getent", ["passwd", "kubelet"], options);
  } catch (reason) {
    signal.throwIfAborted();
    // Exit code 2 of getent: no such key. Anything else is a source of names that does not answer.
    if (isExit(reason, 2)) return { found: "nothing", because: "no-user" };
    // Small systems have no getent; getsubids, where there is one, then says itself that it knows no such user.
    if (!isMissing(reason)) return { found: "failure", of: "uids", reason: messageOf(reason) };
  }
  const answers: string[] = [];
  for (const [kind, args] of [
    ["uids", ["kubelet"]],
    ["gids", ["-g", "kubelet"]],
  ] as const) {
    try {
      answers.push((await run("getsubids", [...args], options)).stdout);
    } catch (reason) {
      signal.throwIfAborted();
      if (isMissing(reason)) return { found: "nothing", because: "no-getsubids" };
      return { found: "failure", of: kind, reason: messageOf(reason) };
    }
  }
  const [uids = "", gids = ""] = answers;
  return { found: "answer", uids, gids };
}

function isExit(reason: unknown, code: number | "ENOENT"): boolean {
  return reason instanceof Error && "code" in reason && reason.code === code;
}

function isMissing(reason: unknown): boolean {
  return isExit(reason, "ENOENT");
}
