// Bundles the programs into dist/. One chunk per lazily loaded command, so that `orlop version` does not load a kubelet.
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = `${root}dist`;
const fresh = `${root}.cache/dist-new-${process.pid}`;

await mkdir(fresh, { recursive: true });
// Before reading any source: what changes while we build must count as newer.
await writeFile(`${fresh}/.stamp`, "");
try {
  await build({
    absWorkingDir: root,
    entryPoints: { orlop: "src/bin/orlop.ts", "build-images": "scripts/build-images.ts" },
    outdir: fresh,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: true,
    sourcesContent: false,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
    // Packages with a binary of their own are loaded from node_modules.
    external: ["lmdb", "*.node"],
    // Packages written for require() get one.
    banner: {
      js: 'import{createRequire as orlopRequire}from"node:module";const require=orlopRequire(import.meta.url);',
    },
  });
  const old = `${root}.cache/dist-old-${process.pid}`;
  if (await stat(dist).catch(() => undefined)) await rename(dist, old);
  await rename(fresh, dist);
  await rm(old, { recursive: true, force: true });
} catch (reason) {
  // esbuild has printed what is wrong in the sources.
  if (!Array.isArray(reason?.errors)) throw reason;
  process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
