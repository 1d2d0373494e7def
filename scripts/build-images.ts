// Builds container images out of Debian packages into the local image store: `node dist/build-images.mjs [title...]`.
// Clusters with a private runtime serve what is in the store to it, so no registry is needed for these images.
// --import SOCKET also copies them into a containerd of the host (its `ctr` must be in PATH).
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { importImages } from "../src/adapters/images/import-images.ts";
import { createPackageSource } from "../src/adapters/debian/package-source.ts";
import { buildImage } from "../src/adapters/images/build-image.ts";
import { IMAGE_DEFINITIONS } from "../src/adapters/images/definitions.ts";
import { DEFAULT_CACHE_FOLDER, localImageStore } from "../src/adapters/runtime/start-private-runtime.ts";
import { createJsonLog } from "../src/adapters/system/log.ts";
import { messageOf } from "../src/lib/orlop-error.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cache: { type: "string", default: DEFAULT_CACHE_FOLDER },
    force: { type: "boolean", default: false },
    import: { type: "string" },
  },
});
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());

try {
  const cacheFolder = resolve(values.cache);
  const unknown = positionals.filter((title) => IMAGE_DEFINITIONS[title] === undefined);
  if (unknown.length > 0) {
    const known = Object.keys(IMAGE_DEFINITIONS).join(", ");
    process.stderr.write(`build-images: there is no definition of ${unknown.join(", ")}, only of ${known}\n`);
    process.exit(2);
  }
  const store = localImageStore(cacheFolder);
  const packages = createPackageSource({ log: createJsonLog({ level: "warn" }).log }, { cacheFolder });
  const present = await store.list();
  for (const definition of Object.values(IMAGE_DEFINITIONS)) {
    if (positionals.length > 0 && !positionals.includes(definition.title)) continue;
    const [name = definition.title] = definition.names;
    if (!values.force && definition.names.every((one) => present.has(one))) {
      process.stderr.write(`${name}: present\n`);
      continue;
    }
    process.stderr.write(`${name}: building\n`);
    const signal = interrupted.signal;
    await buildImage({ packages, store }, definition, { workFolder: join(cacheFolder, "work"), signal });
  }
  if (values.import !== undefined) {
    const socket = values.import.replace(/^unix:\/\//, "");
    const workFolder = join(cacheFolder, "work");
    await importImages(store, {
      socket,
      workFolder,
      names: [...(await store.list()).keys()],
      signal: interrupted.signal,
    });
  }
} catch (reason) {
  process.stderr.write(`build-images: ${messageOf(reason)}\n`);
  process.exit(1);
}
