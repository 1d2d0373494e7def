import type { Pod } from "../../api/types.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { linkAbort } from "../../machinery/linked-abort.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileReader } from "../../ports/files.ts";
import type { Log } from "../../ports/log.ts";
import { readStaticPod, type StaticPodContext } from "./static-pod.ts";

export interface StaticPodDirectoryDeps {
  readonly files: Pick<FileReader, "list" | "read" | "changes">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StaticPodDirectoryOptions {
  readonly path: string;
  /** The directory is read at least this often (fileCheckFrequency). */
  readonly checkPeriodMs: number;
  readonly context: Omit<StaticPodContext, "now">;
}

const LONGEST_MANIFEST = 10 * 1024 * 1024;

/**
 * Watches a directory of manifests and tells the pods in it, all of them, whenever they changed. A file that can not be
 * understood keeps the pod it last held and is named in the log; a directory that can not be read changes nothing.
 */
export async function watchStaticPods(
  deps: StaticPodDirectoryDeps,
  options: StaticPodDirectoryOptions,
  tell: (pods: readonly Pod[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const { files, clock, log } = deps;
  let known = new Map<string, { readonly text: string; readonly pod: Pod | undefined }>();
  let toldBefore = false;
  const problems = new Map<string, string>();

  const complain = (file: string, problem: string | undefined): void => {
    if (problem === problems.get(file)) return;
    if (problem === undefined) problems.delete(file);
    else {
      problems.set(file, problem);
      log.error("A static pod manifest can not be used", { file, problem });
    }
  };

  async function look(): Promise<void> {
    const entries = await files.list(options.path).catch((failure: unknown) => {
      if (failure instanceof OrlopError && failure.code === "NotFound") return [];
      throw failure;
    });
    const now = new Map<string, { readonly text: string; readonly pod: Pod | undefined }>();
    for (const { name, kind } of entries) {
      if (name.startsWith(".") || (kind !== "file" && kind !== "symlink")) continue;
      const path = `${options.path}/${name}`;
      const before = known.get(path);
      try {
        const text = new TextDecoder().decode(await files.read(path, LONGEST_MANIFEST));
        if (before?.text === text) {
          now.set(path, before);
          continue;
        }
        const read = readStaticPod(text, path, { ...options.context, now: clock.now() });
        complain(path, read.ok ? undefined : read.reason);
        now.set(path, { text, pod: read.ok ? read.value : before?.pod });
      } catch (failure) {
        if (failure instanceof OrlopError && failure.code === "NotFound") continue;
        complain(path, messageOf(failure));
        if (before !== undefined) now.set(path, before);
      }
    }
    const pods = (of: typeof now): readonly Pod[] => [...of.values()].flatMap(({ pod }) => pod ?? []);
    const before = new Set(pods(known));
    const after = pods(now);
    const changed = after.length !== before.size || after.some((pod) => !before.has(pod));
    known = now;
    if (changed || !toldBefore) {
      toldBefore = true;
      tell(after);
    }
  }

  let changed = (): void => undefined;
  void (async () => {
    while (!signal.aborted) {
      try {
        for await (const _ of files.changes(options.path, signal)) changed();
      } catch {
        // The directory may not exist yet; reading it from time to time finds out.
      }
      await clock.sleep(options.checkPeriodMs, signal).catch(() => undefined);
    }
  })();
  while (!signal.aborted) {
    const early = linkAbort(signal);
    changed = () => early.abort();
    await look().catch((failure: unknown) => complain(options.path, messageOf(failure)));
    await clock.sleep(options.checkPeriodMs, early.signal).catch(() => undefined);
    early.release();
  }
}
