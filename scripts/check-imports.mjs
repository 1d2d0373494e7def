// Architecture as a failing check: imports point inwards only. Fails as well when it saw no module at all.
import { cruise } from "dependency-cruiser";

const layers = {
  lib: [],
  api: ["lib"],
  core: ["api", "lib"],
  ports: ["api", "lib"],
  machinery: ["ports", "api", "lib"],
  apiserver: ["machinery", "core", "ports", "api", "lib"],
  kubelet: ["machinery", "core", "ports", "api", "lib"],
  controllers: ["machinery", "core", "ports", "api", "lib"],
  cli: ["core", "ports", "api", "lib"],
  adapters: ["ports", "api", "lib"],
};
const insideOnly = Object.entries(layers).map(([from, may]) => ({
  name: `${from}-imports-inwards`,
  severity: "error",
  from: { path: `^src/${from}/`, pathNot: "\\.(test|conformance)\\.ts$" },
  to: { path: "^src/", pathNot: `^src/(${[from, ...may].join("|")})/` },
}));
const pure = {
  name: "no-world-outside-adapters",
  comment: "node:* belongs to adapters and bin",
  severity: "error",
  from: {
    path: "^src/(lib|api|core|ports|machinery|apiserver|kubelet|controllers|cli)/",
    pathNot: "\\.(test|conformance)\\.ts$",
  },
  to: { dependencyTypes: ["core"] },
};
const coreIsPure = {
  name: "core-takes-no-packages",
  severity: "error",
  from: { path: "^src/(lib|core)/", pathNot: "\\.(test|conformance)\\.ts$" },
  to: { dependencyTypes: ["npm", "npm-dev", "npm-no-pkg"], dependencyTypesNot: ["type-only"] },
};
const noCycles = {
  name: "no-cycles",
  severity: "error",
  from: { path: "^src/" },
  to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
};

const { output } = await cruise(["src"], {
  ruleSet: { forbidden: [...insideOnly, pure, coreIsPure, noCycles] },
  validate: true,
  tsPreCompilationDeps: true,
  tsConfig: { fileName: "tsconfig.json" },
  doNotFollow: { path: "node_modules" },
  exclude: { path: "generated" },
  enhancedResolveOptions: { extensions: [".ts", ".js", ".json"] },
});
const seen = output.modules.filter((module) => module.source.startsWith("src/")).length;
for (const violation of output.summary.violations) {
  console.error(`${violation.rule.name}: ${violation.from} -> ${violation.to}`);
}
if (seen === 0) {
  console.error("import rules: no module was seen, so nothing was checked");
  process.exit(1);
}
if (output.summary.error > 0) process.exit(1);
console.log(`import rules: ${seen} modules, no violation`);
