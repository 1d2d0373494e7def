import { dnsLabelProblems, dnsSubdomainProblems } from "../../api/names.ts";
import type { Result } from "../../lib/result.ts";
import { failed, ok } from "../../lib/result.ts";
import {
  LEVEL_PROBLEM,
  type LevelVersion,
  MODES,
  type Policy,
  PRIVILEGED_POLICY,
  readLevel,
  readMinorVersion,
  VERSION_PROBLEM,
} from "./policy.ts";

/** What the admission plugin PodSecurity is configured with: PodSecurityConfiguration of pod-security.admission.config.k8s.io. */
export interface PodSecurityConfiguration {
  /** What applies in a namespace as far as its labels say nothing. */
  readonly defaults: Policy;
  readonly exemptions: PodSecurityExemptions;
}

/** Whose pods are not looked at. */
export interface PodSecurityExemptions {
  readonly usernames: ReadonlySet<string>;
  readonly runtimeClasses: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

export const NO_POD_SECURITY_CONFIGURATION: PodSecurityConfiguration = {
  defaults: PRIVILEGED_POLICY,
  exemptions: { usernames: new Set(), runtimeClasses: new Set(), namespaces: new Set() },
};

const GROUP = "pod-security.admission.config.k8s.io";
const VERSIONS = ["v1", "v1beta1", "v1alpha1"].map((version) => `${GROUP}/${version}`);
const KIND = "PodSecurityConfiguration";
const EXEMPTIONS = [
  "usernames",
  "runtimeClasses",
  "namespaces",
] as const satisfies readonly (keyof PodSecurityExemptions)[];

type Fields = Readonly<Record<string, unknown>>;

/** Reads the plugin's configuration, as kube-apiserver takes it. The reason of a failure names every wrong field. */
export function readPodSecurityConfiguration(document: unknown): Result<PodSecurityConfiguration> {
  if (!isFields(document)) return failed(`it must be a ${KIND}`);
  const { apiVersion, kind, defaults = {}, exemptions = {}, ...others } = document;
  if (!VERSIONS.some((version) => version === apiVersion) || kind !== KIND) {
    return failed(`apiVersion and kind must be ${VERSIONS[0]} and ${KIND}, not ${show(apiVersion)} and ${show(kind)}`);
  }
  const problems = unknownFields(others, "");
  const policy = readDefaults(defaults ?? {}, problems);
  const exempt = readExemptions(exemptions ?? {}, problems);
  return problems.length > 0 ? failed(problems.join("; ")) : ok({ defaults: policy, exemptions: exempt });
}

function readDefaults(defaults: unknown, problems: string[]): Policy {
  if (!isFields(defaults)) {
    problems.push("defaults: must be a map");
    return PRIVILEGED_POLICY;
  }
  const known = MODES.flatMap((mode) => [mode, `${mode}-version`]);
  problems.push(...unknownFields(without(defaults, known), "defaults."));
  const read = (mode: (typeof MODES)[number]): LevelVersion => {
    const levelText = defaults[mode] || "privileged";
    const versionText = defaults[`${mode}-version`] || "latest";
    const level = typeof levelText === "string" ? readLevel(levelText) : undefined;
    const minor = typeof versionText === "string" ? readMinorVersion(versionText) : undefined;
    if (level === undefined) problems.push(`defaults.${mode}: Invalid value: ${show(levelText)}: ${LEVEL_PROBLEM}`);
    if (minor === undefined) {
      problems.push(`defaults.${mode}-version: Invalid value: ${show(versionText)}: ${VERSION_PROBLEM}`);
    }
    return { level: level ?? "restricted", minor: minor ?? Number.POSITIVE_INFINITY };
  };
  return { enforce: read("enforce"), audit: read("audit"), warn: read("warn") };
}

function readExemptions(exemptions: unknown, problems: string[]): PodSecurityExemptions {
  if (!isFields(exemptions)) {
    problems.push("exemptions: must be a map");
    return NO_POD_SECURITY_CONFIGURATION.exemptions;
  }
  problems.push(...unknownFields(without(exemptions, EXEMPTIONS), "exemptions."));
  const read = (field: (typeof EXEMPTIONS)[number]): ReadonlySet<string> => {
    const list = exemptions[field] ?? [];
    const seen = new Set<string>();
    if (!Array.isArray(list)) {
      problems.push(`exemptions.${field}: must be a list`);
      return seen;
    }
    for (const [index, entry] of list.entries()) {
      const at = `exemptions.${field}[${index}]`;
      const problem = nameProblem(field, entry);
      if (problem !== undefined) problems.push(`${at}: Invalid value: ${show(entry)}: ${problem}`);
      else if (seen.has(entry)) problems.push(`${at}: Duplicate value: ${show(entry)}`);
      else seen.add(entry);
    }
    return seen;
  };
  return { usernames: read("usernames"), runtimeClasses: read("runtimeClasses"), namespaces: read("namespaces") };
}

function nameProblem(field: (typeof EXEMPTIONS)[number], name: unknown): string | undefined {
  if (typeof name !== "string") return "must be a text";
  switch (field) {
    case "usernames":
      return name === "" ? "username must not be empty" : undefined;
    case "namespaces":
      return dnsLabelProblems(name)[0];
    case "runtimeClasses":
      return dnsSubdomainProblems(name)[0];
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function unknownFields(fields: Fields, prefix: string): string[] {
  return Object.keys(fields).map((name) => `${prefix}${name}: unknown field`);
}

function show(value: unknown): string {
  return JSON.stringify(value ?? "");
}
