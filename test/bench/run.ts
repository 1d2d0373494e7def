import { cpus } from "node:os";

/** `npm run bench -- writes access-reviews starts pods selinux`: prints Markdown tables; nothing is asserted. */
const benches: Readonly<Record<string, () => Promise<string>>> = {
  writes: async () => (await import("./writes.ts")).writes(),
  "access-reviews": async () => (await import("./access-reviews.ts")).accessReviews(),
  starts: async () => (await import("./starts.ts")).starts(),
  pods: async () => (await import("./pods.ts")).pods(),
  "user-namespaces": async () => (await import("./user-namespaces.ts")).userNamespaces(),
  "user-namespaces-parts": async () => (await import("./user-namespaces.ts")).userNamespaceParts(),
  kubelet: async () => (await import("./kubelet.ts")).kubelet(),
  audit: async () => (await import("./audit.ts")).audit(),
  volumes: async () => (await import("./volumes.ts")).volumes(),
  selinux: async () => (await import("./selinux.ts")).selinux(),
  "selinux-index": async () => (await import("./selinux-index.ts")).selinuxIndex(),
  "selinux-mounts": async () => (await import("./selinux-mounts.ts")).selinuxMounts(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  console.error(`unknown bench ${unknown.join(", ")}; known: ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
console.log(`Node ${process.version}, ${cpus().length} processors\n`);
for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
  console.log(`### ${name}\n`);
  console.log(`${await benches[name]?.()}\n`);
}
