import { containersOf } from "../../api/pod.ts";
import type { Container, ObjectMeta, PodSpec } from "../../api/types.ts";

/** Why a pod breaks a rule: the reason in short, and what of the pod it is about. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** A pod, or what a controller makes pods from. */
export interface PodSubject {
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
}

export type CheckPod = (subject: PodSubject) => Violation | undefined;

/** A rule of the Pod Security Standards and how it developed. */
export interface Check {
  readonly id: string;
  readonly level: "baseline" | "restricted";
  readonly versions: readonly CheckVersion[];
}

export interface CheckVersion {
  /** The first minor version of v1 this applies to. */
  readonly since: number;
  readonly check: CheckPod;
  /** Baseline rules that this one replaces in the restricted level. */
  readonly replaces?: readonly string[];
}

type AnyContainer = Pick<
  Container,
  "name" | "securityContext" | "ports" | "livenessProbe" | "readinessProbe" | "startupProbe" | "lifecycle"
>;

export function namesWhere(spec: PodSpec, isBad: (container: AnyContainer) => boolean): readonly string[] {
  return containersOf(spec)
    .filter(isBad)
    .map(({ name }) => name);
}

/** `"a", "b"` */
export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(", ");
}

export function plural(singular: string, several: string, count: number): string {
  return count === 1 ? singular : several;
}

/** `container "a"`, `containers "a", "b"` */
export function containers(names: readonly string[]): string {
  return `${plural("container", "containers", names.length)} ${quoted(names)}`;
}

/** `pod and containers "a", "b"` */
export function setters(isPodBad: boolean, names: readonly string[]): string {
  return [...(isPodBad ? ["pod"] : []), ...(names.length > 0 ? [containers(names)] : [])].join(" and ");
}

/** The type a profile names: "" when it names none, which validation has not refused yet; undefined without a profile. */
export function profileType(profile: { readonly type?: string } | undefined): string | undefined {
  return profile === undefined ? undefined : (profile.type ?? "");
}

/** Each once, sorted by code units. */
export function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}

/** Whether the pod has IDs of its own, which takes the meaning from being root in it. */
export function hasOwnUsers({ spec }: PodSubject): boolean {
  return spec.hostUsers === false;
}

export function unless(isExempt: (subject: PodSubject) => boolean, check: CheckPod): CheckPod {
  return (subject) => (isExempt(subject) ? undefined : check(subject));
}

export function isForWindows({ spec }: PodSubject): boolean {
  return spec.os?.name === "windows";
}
