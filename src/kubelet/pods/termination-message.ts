import { OrlopError } from "../../lib/orlop-error.ts";
import type { RuntimeContainerStatus } from "../../ports/container-runtime.ts";
import type { FileReader } from "../../ports/files.ts";
import { TERMINATION_MESSAGE_PATH, TERMINATION_MESSAGE_POLICY } from "./labels.ts";

/** Reads what a container left as its last words. */
export interface TerminationMessages {
  /** "" when there is none. Never fails: a message that can not be read says so itself. */
  read(status: RuntimeContainerStatus, signal: AbortSignal): Promise<string>;
}

const LONGEST_MESSAGE = 4096;
const LONGEST_LOG_TAIL = 2048;
const MOST_LOG_LINES = 80;
/** Each line of a log carries a time, a stream and a tag before its text. */
const LOG_OVERHEAD = 4;

export function createTerminationMessages(deps: { readonly files: Pick<FileReader, "open"> }): TerminationMessages {
  const { files } = deps;

  async function tail(path: string, bytes: number): Promise<string> {
    const file = await files.open(path);
    try {
      const { size, kind } = await file.information();
      if (kind !== "file") return "";
      const start = Math.max(0, size - bytes);
      return new TextDecoder().decode(await file.read(start, Math.min(size, bytes)));
    } finally {
      await file.close();
    }
  }

  async function head(path: string): Promise<string> {
    const file = await files.open(path);
    try {
      // The container may have put anything there: a fifo must not be waited for.
      if ((await file.information()).kind !== "file") return "";
      return new TextDecoder().decode(await file.read(0, LONGEST_MESSAGE));
    } finally {
      await file.close();
    }
  }

  async function quietly(read: () => Promise<string>, problem: string): Promise<string> {
    try {
      return await read();
    } catch (failure) {
      if (failure instanceof OrlopError && failure.code === "NotFound") return "";
      return `${problem}: ${failure instanceof Error ? failure.message : String(failure)}`;
    }
  }

  return {
    async read(status) {
      const path = status.annotations[TERMINATION_MESSAGE_PATH] ?? "";
      const mount = status.mounts.find(({ containerPath }) => path !== "" && containerPath === path);
      const message =
        mount === undefined ? "" : await quietly(() => head(mount.hostPath), "Error on reading termination log");
      const fallBack = status.annotations[TERMINATION_MESSAGE_POLICY] === "FallbackToLogsOnError";
      if (message !== "" || !fallBack || status.exitCode === 0 || status.logPath === "") return message;
      const text = await quietly(
        () => tail(status.logPath, LONGEST_LOG_TAIL * LOG_OVERHEAD),
        "Error on reading termination message from logs",
      );
      return lastOutput(text);
    },
  };
}

/** The text of the last lines of a log in the runtime's format (`time stream tag text`), without the first part of a cut line. */
export function lastOutput(log: string): string {
  const lines = log.split("\n").flatMap((line) => {
    const match = /^\S+ (?:stdout|stderr) ([FP]\S*) (.*)$/u.exec(line);
    if (match === null) return [];
    return [{ partial: match[1]?.startsWith("P") === true, text: match[2] ?? "" }];
  });
  const output = lines.slice(-MOST_LOG_LINES).map(({ partial, text }) => (partial ? text : `${text}\n`));
  return output.join("").slice(-LONGEST_LOG_TAIL);
}
