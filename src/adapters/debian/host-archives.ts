import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Archive, parseArchives } from "./release.ts";

/** The archives a host installs packages from, read below its /etc. */
export async function hostArchives(etc: string): Promise<readonly Archive[]> {
  const folder = join(etc, "apt", "sources.list.d");
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name)).toSorted();
  const files = [join(etc, "apt", "sources.list"), ...names.map((name) => join(folder, name))];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return files.flatMap((file, index) => parseArchives(file, texts[index] ?? ""));
}
