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
 */
export function policyOf(labels: Readonly<Record<string, string>>): {
  readonly policy: Policy;
  readonly problems: readonly FieldError[];
} {
  const problems: FieldError[] = [];
  const levelOf = (mode: keyof Policy, unreadable: Level): Level | undefined => {
    const text = labels[`${LABELS}${mode}`];
    if (text === undefined) return undefined;
    const level = LEVELS.find((name) => name === text);
    if (level === undefined) problems.push(problem(mode, text, `must be one of ${LEVELS.join(", ")}`));
    return level ?? unreadable;
  };
  const minorOf = (mode: keyof Policy): number | undefined => {
    const text = labels[`${LABELS}${mode}-version`];
    if (text === undefined) return undefined;
    const minor = minorVersion(text);
    if (minor === undefined) problems.push(problem(`${mode}-version`, text, 'must be "latest" or "v1.x"'));
    return minor ?? LATEST;
  };
  const enforceLevel = levelOf("enforce", "restricted");
  const isEnforceReadable = enforceLevel !== undefined && problems.length === 0;
  const enforce = { level: enforceLevel ?? PRIVILEGED.level, minor: minorOf("enforce") ?? LATEST };
  const audit = { level: levelOf("audit", "privileged") ?? PRIVILEGED.level, minor: minorOf("audit") ?? LATEST };
  const warnLevel = levelOf("warn", "privileged");
  const warnMinor = minorOf("warn");
  // Who enforces without saying anything of warnings is warned of the templates whose pods would be refused.
  const follows = warnLevel === undefined && isEnforceReadable && enforce.level !== "privileged";
  const warn = follows
    ? { level: enforce.level, minor: warnMinor ?? enforce.minor }
    : { level: warnLevel ?? PRIVILEGED.level, minor: warnMinor ?? LATEST };
  return { policy: { enforce, audit, warn }, problems };
}

function minorVersion(text: string): number | undefined {
  if (text === "latest") return LATEST;
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined || !Number.isSafeInteger(Number(minor)) ? undefined : Number(minor);
}

function problem(label: string, value: string, detail: string): FieldError {
  return invalidValue(`metadata.labels[${LABELS}${label}]`, value, detail);
}
