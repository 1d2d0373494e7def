import { failed, ok, type Result } from "../lib/result.ts";
import { GATE_DEPENDENCIES, GATE_HISTORY, GATES_ACTED_ON } from "./feature-gate-table.ts";

/** Feature gates folded into one frozen value at start (parsed from --feature-gates, --emulated-version and files). */
export interface FeatureGates {
  /** Throws RangeError for a name the table does not know: a typo must not read as "off". */
  enabled(name: string): boolean;
  /** e.g. "1.36" */
  readonly emulatedVersion: string;
  /** All gates visible at the emulated version, for `kubernetes_feature_enabled`. */
  readonly all: readonly FeatureGateState[];
}

export interface FeatureGateState {
  readonly name: string;
  readonly stage: "ALPHA" | "BETA" | "GA" | "DEPRECATED";
  readonly enabled: boolean;
}

export const DEFAULT_EMULATED_VERSION = "1.36";
const OLDEST_MINOR = 31;
const NEWEST_MINOR = 37;

type Settings = ReadonlyMap<string, boolean>;

interface Era {
  readonly minor: number;
  readonly stage: FeatureGateState["stage"];
  readonly enabled: boolean;
  readonly locked: boolean;
}

/** Switches for all gates of a stage that are not set one by one. */
const GROUPS: ReadonlyMap<string, FeatureGateState["stage"]> = new Map([
  ["AllAlpha", "ALPHA"],
  ["AllBeta", "BETA"],
]);

function parseHistory(text: string): readonly Era[] {
  return text.split(", ").map((era) => {
    const [version = "", stage = "", ...words] = era.split(" ");
    return {
      minor: Number(version.split(".")[1]),
      stage: stage.toUpperCase() as Era["stage"],
      enabled: words.includes("on"),
      locked: words.includes("locked"),
    };
  });
}

/** What a gate is at a version; undefined before it exists. */
function eraAt(name: string, minor: number): Era | undefined {
  return parseHistory(GATE_HISTORY[name] ?? "").findLast((era) => era.minor <= minor);
}

function isKnown(name: string): boolean {
  return Object.hasOwn(GATE_HISTORY, name) || GROUPS.has(name);
}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Reads `--feature-gates A=true,B=false`; "kube:" before a name is accepted. The last value of a name counts. */
export function parseFeatureGateFlag(text: string): Result<Settings> {
  const settings = new Map<string, boolean>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = part
      .slice(0, equals < 0 ? undefined : equals)
      .trim()
      .replace(/^kube:/, "");
    if (equals < 0) return failed(`missing bool value for ${name}`);
    const value = part.slice(equals + 1).trim();
    if (!TRUE.has(value) && !FALSE.has(value)) {
      const why = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
      return failed(`invalid value of ${name}=${value}, err: ${why}`);
    }
    settings.set(name, TRUE.has(value));
  }
  return ok(settings);
}

/** Reads `--emulated-version 1.35` or `kube=1.35`. @returns e.g. "1.35" */
export function parseEmulatedVersion(text: string): Result<string> {
  const version = text.trim().replace(/^kube=/, "");
  const match = /^v?(\d+)\.(\d+)(?:\.0)?$/.exec(version);
  if (match === null) return failed(`illegal version string ${JSON.stringify(version)}`);
  const [, major = "", minor = ""] = match;
  const within = major === "1" && Number(minor) >= OLDEST_MINOR && Number(minor) <= NEWEST_MINOR;
  return within
    ? ok(`1.${Number(minor)}`)
    : failed(`emulation version ${major}.${minor} is not between [1.${OLDEST_MINOR}, 1.${NEWEST_MINOR}]`);
}

export interface FeatureGateInput {
  /** Later sources win over earlier ones: configuration file, then flags. */
  readonly settings?: readonly Settings[];
  /** As parseEmulatedVersion() returns it. @default "1.36" */
  readonly emulatedVersion?: string;
}

export interface ResolvedFeatureGates {
  readonly gates: FeatureGates;
  /** For the log. */
  readonly warnings: readonly string[];
}

/** Folds everything that was set into one value, or says in upstream's words why that can not be. */
export function resolveFeatureGates(input: FeatureGateInput = {}): Result<ResolvedFeatureGates> {
  const emulatedVersion = input.emulatedVersion ?? DEFAULT_EMULATED_VERSION;
  const minor = Number(emulatedVersion.split(".")[1]);
  const set = new Map((input.settings ?? []).flatMap((settings) => [...settings]));

  const unknown = [...set.keys()].find((name) => !isKnown(name));
  if (unknown !== undefined) return failed(`unrecognized feature gate: ${unknown}`);
  const problems = [...set].flatMap(([name, value]) => settingProblem(name, value, minor));
  if (problems.length > 0) return failed(joined(problems));

  const states = new Map<string, FeatureGateState>();
  for (const name of Object.keys(GATE_HISTORY)) {
    const era = eraAt(name, minor);
    if (era === undefined) continue;
    states.set(name, { name, stage: era.stage, enabled: set.get(name) ?? groupValue(era, set) ?? era.enabled });
  }
  const isEnabled = (name: string): boolean => states.get(name)?.enabled === true;
  const unmet = Object.entries(GATE_DEPENDENCIES).flatMap(([name, needs]) => {
    const missing = isEnabled(name) ? needs.filter((need) => !isEnabled(need)) : [];
    return missing.length === 0
      ? []
      : [`${name} is enabled, but depends on features that are disabled: [${missing.join(" ")}]`];
  });
  if (unmet.length > 0) return failed(joined(unmet));

  const gates: FeatureGates = Object.freeze({
    emulatedVersion,
    all: Object.freeze([...states.values()].filter(({ name }) => GATES_ACTED_ON.has(name))),
    enabled(name: string): boolean {
      if (!Object.hasOwn(GATE_HISTORY, name)) throw new RangeError(`unknown feature gate: ${name}`);
      return isEnabled(name);
    },
  });
  return ok({ gates, warnings: [...set].flatMap(([name, value]) => settingWarnings(name, value, minor)) });
}

/** The gates of a version with nothing set. Throws RangeError when the settings do not fit together. */
export function createFeatureGates(input: FeatureGateInput = {}): FeatureGates {
  const resolved = resolveFeatureGates(input);
  if (!resolved.ok) throw new RangeError(resolved.reason);
  return resolved.value.gates;
}

function groupValue(era: Era, set: Settings): boolean | undefined {
  for (const [group, stage] of GROUPS) {
    if (era.stage === stage && set.has(group)) return set.get(group);
  }
  return undefined;
}

function settingProblem(name: string, value: boolean, minor: number): readonly string[] {
  if (GROUPS.has(name)) return [];
  const era = eraAt(name, minor);
  const what = `cannot set feature gate ${name} to ${value}`;
  if (era === undefined) {
    const versions = `emulated version 1.${minor}, min compatibility version 1.${minor - 1}`;
    return [`${what}, feature is PreAlpha at ${versions}`];
  }
  return era.locked && era.enabled !== value ? [`${what}, feature is locked to ${era.enabled}`] : [];
}

function settingWarnings(name: string, value: boolean, minor: number): readonly string[] {
  const stage = eraAt(name, minor)?.stage;
  const leaving = stage === "GA" ? "GA" : stage === "DEPRECATED" ? "deprecated" : undefined;
  return [
    ...(leaving === undefined
      ? []
      : [`Setting ${leaving} feature gate ${name}=${value}. It will be removed in a future release.`]),
    ...(GATES_ACTED_ON.has(name) || GROUPS.has(name) ? [] : [`Feature gate ${name}=${value} has no effect here.`]),
  ];
}

function joined(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
}
