import { OrlopError, messageOf } from "../../lib/orlop-error.ts";
import type { ClientCertificateVerifier } from "../../ports/client-certificates.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { createClientCertificateVerifier } from "./client-certificate-verifier.ts";
import { readTextFile } from "./pem-files.ts";

export interface WatchedFilesDeps {
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
}

export interface WatchedFilesOptions {
  readonly paths: readonly string[];
  /** Milliseconds between looks. @default 10_000 */
  readonly everyMs?: number;
}

/** The contents of the files, in order. Throws OrlopError NotFound for one that is not there. */
export async function readAllFiles(paths: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(
    paths.map(async (path) => {
      const text = await readTextFile(path);
      if (text === undefined) throw new OrlopError("NotFound", `Cannot read ${path}: there is no such file`);
      return text;
    }),
  );
}

/**
 * Calls `use` with the new contents each time a file's contents change, until the signal aborts. What `use` refuses (it
 * throws) is logged and tried again when the files change once more; what was used before stays in use.
 */
export async function watchFiles(
  { clock, log }: WatchedFilesDeps,
  { paths, everyMs = 10_000 }: WatchedFilesOptions,
  current: readonly string[],
  use: (contents: readonly string[]) => Promise<void> | void,
  signal: AbortSignal,
): Promise<void> {
  let seen = JSON.stringify(current);
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
    } catch {
      return;
    }
    try {
      const contents = await readAllFiles(paths);
      const now = JSON.stringify(contents);
      if (now === seen) continue;
      seen = now;
      await use(contents);
      log.info("Loaded changed files", { paths });
    } catch (reason) {
      log.warn("Cannot use changed files, keeping what was there", { paths, error: messageOf(reason) });
    }
  }
}

export interface ReloadingVerifier {
  /** The verifier of the file as it was last read. */
  readonly verifier: () => ClientCertificateVerifier;
  /** Follows the file until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** A client CA file that may be replaced while it is in use. Throws OrlopError when it can not be read now. */
export async function openClientCaFile(
  deps: WatchedFilesDeps,
  path: string,
  options: { readonly everyMs?: number; readonly onChange?: (bundlePem: string) => void } = {},
): Promise<ReloadingVerifier> {
  const contents = await readAllFiles([path]);
  let verifier = createClientCertificateVerifier(contents.join("\n"));
  return {
    verifier: () => verifier,
    run: async (signal) => {
      await watchFiles(
        deps,
        { paths: [path], ...(options.everyMs !== undefined && { everyMs: options.everyMs }) },
        contents,
        (changed) => {
          const bundle = changed.join("\n");
          verifier = createClientCertificateVerifier(bundle);
          options.onChange?.(bundle);
        },
        signal,
      );
    },
  };
}
