import { invalidValue } from "../../api/field-error.ts";
import type { FieldError } from "../../api/status-error.ts";

/** From lax to strict. */
export const LEVELS = ["privileged", "baseline", "restricted"] as const;
export type Level = (typeof LEVELS)[number];

/** What pods are held to: a level as it was defined in a minor version of Kubernetes. */
export interface LevelVersion {
  readonly level: Level;
  /** The minor version of v1, Infinity for "latest". */
  readonly minor: number;
}

/** What applies in a namespace. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const LATEST = Number.POSITIVE_INFINITY;
const LABELS = "pod-security.kubernetes.io/";
const PRIVILEGED: LevelVersion = { level: "privileged", minor: LATEST };

/** What applies where nothing is asked for, unless the server was configured otherwise. */
export const PRIVILEGED_POLICY: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };

export const MODES = ["enforce", "audit", "warn"] as const satisfies readonly (keyof Policy)[];

export function isFullyPrivileged(policy: Policy): boolean {
  return MODES.every((mode) => policy[mode].level === "privileged");
}

/** Whether two policies come to the same: everything privileged is alike. */
export function isEquivalent(left: Policy, right: Policy): boolean {
  return MODES.every(
    (mode) =>
      sameLevelVersion(left[mode], right[mode]) ||
      (left[mode].level === "privileged" && right[mode].level === "privileged"),
  );
}

/** e.g. `restricted:latest`, `baseline:v1.30` */
export function showLevelVersion({ level, minor }: LevelVersion): string {
  return `${level}:${minor === LATEST ? "latest" : `v1.${minor}`}`;
}

/** Below 0 when `left` is laxer than `right`, above 0 when it is stricter. */
export function compareLevels(left: Level, right: Level): number {
  return LEVELS.indexOf(left) - LEVELS.indexOf(right);
}

export function sameLevelVersion(left: LevelVersion, right: LevelVersion): boolean {
  return left.level === right.level && left.minor === right.minor;
}

/**
 * The policy that a namespace's labels ask for. There always is one, also for labels that can not be read: those enforce
 * the strictest, and neither warn nor audit.
 *
 * @param defaults what applies as far as no label says otherwise
 */
export function policyOf(
  labels: Readonly<Record<string, string>>,
  defaults: Policy = PRIVILEGED_POLICY,
): {
  readonly policy: Policy;
  readonly problems: readonly FieldError[];
} {
  const problems: FieldError[] = [];
  const levelOf = (mode: keyof Policy, unreadable: Level): Level | undefined => {
    const text = labels[`${LABELS}${mode}`];
    if (text === undefined) return undefined;
    const level = readLevel(text);
    if (level === undefined) problems.push(problem(mode, text, LEVEL_PROBLEM));
    return level ?? unreadable;
  };
  const minorOf = (mode: keyof Policy): number | undefined => {
    const text = labels[`${LABELS}${mode}-version`];
    if (text === undefined) return undefined;
    const minor = readMinorVersion(text);
    if (minor === undefined) problems.push(problem(`${mode}-version`, text, VERSION_PROBLEM));
    return minor ?? LATEST;
  };
  const enforceLevel = levelOf("enforce", "restricted");
  const isEnforceReadable = enforceLevel !== undefined && problems.length === 0;
  const enforce = {
    level: enforceLevel ?? defaults.enforce.level,
    minor: minorOf("enforce") ?? defaults.enforce.minor,
  };
  const audit = {
    level: levelOf("audit", "privileged") ?? defaults.audit.level,
    minor: minorOf("audit") ?? defaults.audit.minor,
  };
  const warnLevel = levelOf("warn", "privileged");
  const warnMinor = minorOf("warn");
  // Who enforces without saying anything of warnings is warned of the templates whose pods would be refused.
  const follows = warnLevel === undefined && isEnforceReadable && compareLevels(enforce.level, defaults.warn.level) > 0;
  const warn = follows
    ? { level: enforce.level, minor: warnMinor ?? enforce.minor }
    : { level: warnLevel ?? defaults.warn.level, minor: warnMinor ?? defaults.warn.minor };
  return { policy: { enforce, audit, warn }, problems };
}

/** Which modes a namespace's labels say something of, with what applies: `enforce=restricted:latest, warn=baseline:v1.30`. */
export function describeLabelled(labels: Readonly<Record<string, string>>, policy: Policy): string {
  return MODES.filter(
    (mode) =>
      policy[mode].level !== "privileged" &&
      (labels[`${LABELS}${mode}`] !== undefined || labels[`${LABELS}${mode}-version`] !== undefined),
  )
    .map((mode) => `${mode}=${showLevelVersion(policy[mode])}`)
    .join(", ");
}

export const LEVEL_PROBLEM = `must be one of ${LEVELS.join(", ")}`;
export const VERSION_PROBLEM = 'must be "latest" or "v1.x"';

export function readLevel(text: string): Level | undefined {
  return LEVELS.find((name) => name === text);
}

/** The minor version of `latest` (Infinity) or `v1.x`; undefined for anything else. */
export function readMinorVersion(text: string): number | undefined {
  if (text === "latest") return LATEST;
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined || !Number.isSafeInteger(Number(minor)) ? undefined : Number(minor);
}

function problem(label: string, value: string, detail: string): FieldError {
  return invalidValue(`metadata.labels[${LABELS}${label}]`, value, detail);
}
