// Puts the real kubectl (and helm) clients of the tests into .cache/bin and links the newest as .cache/bin/kubectl.
import { rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { helmPath, kubectlPath } from "../test/e2e/harness/kubectl.ts";

const kubectl = await kubectlPath("1.36");
for (const [name, file] of [
  ["kubectl", kubectl],
  ["helm", await helmPath("1.36")],
] as const) {
  const link = join(dirname(file), name);
  await rm(link, { force: true });
  await symlink(basename(file), link);
  process.stdout.write(`${link}\n`);
}
