// A registry mirror may lack packages for platforms nobody there uses; npm then writes a lock file without them, and
// `npm ci` refuses that lock file everywhere. This adds the missing platform packages with what their name says, so that
// `npm ci` skips them on every other platform. Run it after each change of dependencies; it is idempotent.
import { readFileSync, writeFileSync } from "node:fs";

const file = process.argv[2] ?? "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8"));
const systems = {
  android: 1,
  darwin: 1,
  freebsd: 1,
  linux: 1,
  netbsd: 1,
  openbsd: 1,
  openharmony: 1,
  sunos: 1,
  aix: 1,
  win32: 1,
};
const processors = {
  arm: "arm",
  "arm-eabi": "arm",
  "arm-gnueabihf": "arm",
  "arm-musleabihf": "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  mips64el: "mips64el",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};
let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const top = `node_modules/${name}`;
    if (path === "" || lock.packages[nested] !== undefined || lock.packages[top] !== undefined) continue;
    const words = name
      .split("/")
      .at(-1)
      .replace(/^(binding|cli|msgpackr-extract|lmdb|typescript)-/, "");
    const system = Object.keys(systems).find((one) => words.startsWith(`${one}-`));
    const rest = system === undefined ? undefined : words.slice(system.length + 1);
    const processor = rest === undefined ? undefined : processors[rest.replace(/-(gnu|musl|msvc)$/, "")];
    if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
      console.error(`${name}@${version}: the name says no platform, add it by hand`);
      process.exitCode = 1;
      continue;
    }
    lock.packages[top] = {
      version,
      cpu: [processor],
      ...(entry.dev === true && { dev: true }),
      ...(/musl/.test(rest) && { libc: ["musl"] }),
      ...(/gnu/.test(rest) && { libc: ["glibc"] }),
      optional: true,
      os: [system],
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(`${file}: ${added} platform packages added`);
