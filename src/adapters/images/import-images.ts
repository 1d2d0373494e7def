import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { runCommand } from "../debian/run-command.ts";
import type { ImageStore } from "./image-store.ts";

export interface ImportImagesOptions {
  /** Socket of containerd, without scheme. */
  readonly socket: string;
  /** Full path of ctr, or its name when it is in PATH. @default "ctr" */
  readonly ctr?: string;
  readonly workFolder: string;
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/** Copies images of the store into a containerd that does not ask our registry, for use by its CRI pods. */
export async function importImages(store: ImageStore, options: ImportImagesOptions): Promise<void> {
  const { signal } = options;
  await mkdir(options.workFolder, { recursive: true });
  const work = await mkdtemp(join(options.workFolder, "import-"));
  try {
    const archive = join(work, "images.tar");
    await pipeline(Readable.from(store.archive(options.names)), createWriteStream(archive), { signal });
    const parameters = ["--address", options.socket, "--namespace", "k8s.io", "images", "import", archive];
    await runCommand(options.ctr ?? "ctr", parameters, { signal });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
