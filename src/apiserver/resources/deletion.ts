import { conflict } from "../../api/status-error.ts";
import type { KindDefinition } from "../../api/kinds/definition.ts";

import type { KubernetesObject, ObjectMeta, Pod } from "../../api/types.ts";
import { timestamp } from "./timestamp.ts";

const ORPHAN_FINALIZER = "orphan";
const FOREGROUND_FINALIZER = "foregroundDeletion";

/** metav1.DeleteOptions, as far as it decides what happens. */
export interface DeleteOptions {
  /** Seconds; 0 is at once. Absent: what the kind says. */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export type Deletion =
  /** The object goes away; watchers see `object` as its last content. */
  | { readonly type: "remove"; readonly object: KubernetesObject }
  /** Marked as being deleted; finalizers or the grace period hold it. */
  | { readonly type: "mark"; readonly object: KubernetesObject }
  /** Its deletion is under way already. */
  | { readonly type: "pending" };

/** What a delete does to an object at `now` (ms). Throws StatusError Conflict for preconditions that do not hold. */
export function decideDeletion(
  kind: Pick<KindDefinition, "group" | "resource" | "kind">,
  object: KubernetesObject,
  options: DeleteOptions,
  now: number,
): Deletion {
  checkPreconditions(kind, object, options);
  if (kind.group === "" && kind.resource === "namespaces") return decideNamespaceDeletion(object, options, now);
  const graceful = kind.group === "" && kind.resource === "pods" ? decideGrace(object as Pod, options, now) : "none";
  if (graceful === "pending") return { type: "pending" };
  const marked = graceful === "none" ? object : withMetadata(object, graceful);
  const finalizers = finalizersAfter(marked, options);
  const result = withMetadata(marked, { finalizers });
  if (graceful !== "none" && graceful.deletionGracePeriodSeconds !== 0) return { type: "mark", object: result };
  if (finalizers.length > 0) return { type: "mark", object: graceful === "none" ? markedNow(result, now) : result };
  return { type: "remove", object: result };
}

/** Whether an update that left `object` without finalizers completes a deletion that began before. */
export function completesDeletion(object: KubernetesObject, old: KubernetesObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata ?? {};
  if ((object.metadata?.finalizers ?? []).length > 0 || deletionTimestamp === undefined) return false;
  const held =
    ((object["spec"] as { readonly finalizers?: readonly string[] } | undefined)?.finalizers ?? []).length > 0;
  return !held && (deletionGracePeriodSeconds ?? 0) === 0;
}

function checkPreconditions(
  kind: Pick<KindDefinition, "group" | "kind">,
  { metadata }: KubernetesObject,
  { preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const name = { group: kind.group, resource: kind.kind };
  if (uid !== undefined && uid !== metadata?.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata?.uid ?? ""}). The object might have been deleted and then recreated`;
    throw conflict(name, metadata?.name ?? "", why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata?.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata?.resourceVersion ?? ""}). The object might have been modified`;
    throw conflict(name, metadata?.name ?? "", why);
  }
}

type GraceMarks = Pick<ObjectMeta, "deletionTimestamp" | "deletionGracePeriodSeconds" | "generation">;

/** Pods are told to end and go when the kubelet says so; a grace period can only be shortened afterwards. */
function decideGrace(pod: Pod, options: DeleteOptions, now: number): GraceMarks | "none" | "pending" {
  const { deletionTimestamp, deletionGracePeriodSeconds, generation } = pod.metadata ?? {};
  const asked = options.gracePeriodSeconds === undefined ? undefined : atLeastOneIfNegative(options.gracePeriodSeconds);
  if (deletionTimestamp !== undefined) {
    if (deletionGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0) return "none";
    if (asked === undefined || asked >= deletionGracePeriodSeconds) return "pending";
    const wanted = Date.parse(deletionTimestamp) + (asked - deletionGracePeriodSeconds) * 1_000;
    const late = wanted < now;
    return {
      deletionTimestamp: timestamp(late ? now : wanted),
      deletionGracePeriodSeconds: late && asked !== 0 ? 1 : asked,
    };
  }
  const phase = pod.status?.phase;
  const runs = (pod.spec?.nodeName ?? "") !== "" && phase !== "Failed" && phase !== "Succeeded";
  const period = runs ? atLeastOneIfNegative(asked ?? pod.spec?.terminationGracePeriodSeconds ?? 0) : 0;
  return {
    deletionTimestamp: timestamp(now + period * 1_000),
    deletionGracePeriodSeconds: period,
    ...(generation !== undefined && generation > 0 && { generation: generation + 1 }),
  };
}

function atLeastOneIfNegative(seconds: number): number {
  return seconds < 0 ? 1 : seconds;
}

/** A namespace stays, terminating, until its content is gone and spec.finalizers is empty. */
function decideNamespaceDeletion(object: KubernetesObject, options: DeleteOptions, now: number): Deletion {
  const spec = object["spec"] as { readonly finalizers?: readonly string[] } | undefined;
  const finalizers = finalizersAfter(object, options);
  const held = (spec?.finalizers ?? []).length > 0 || finalizers.length > 0;
  if (!held) return { type: "remove", object };
  if (object.metadata?.deletionTimestamp !== undefined) return { type: "pending" };
  const terminating = { ...object, status: { ...(object["status"] as object | undefined), phase: "Terminating" } };
  return {
    type: "mark",
    object: withMetadata(terminating, { finalizers, deletionTimestamp: timestamp(now) }),
  };
}

/** metadata.finalizers after the propagation policy had its say. */
function finalizersAfter({ metadata }: KubernetesObject, options: DeleteOptions): readonly string[] {
  const present = metadata?.finalizers ?? [];
  const others = present.filter((finalizer) => finalizer !== ORPHAN_FINALIZER && finalizer !== FOREGROUND_FINALIZER);
  if (options.orphanDependents !== undefined) return options.orphanDependents ? [...others, ORPHAN_FINALIZER] : others;
  switch (options.propagationPolicy) {
    case "Orphan":
      return [...others, ORPHAN_FINALIZER];
    case "Foreground":
      return [...others, FOREGROUND_FINALIZER];
    case "Background":
      return others;
    default:
      return present;
  }
}

function markedNow(object: KubernetesObject, now: number): KubernetesObject {
  const { deletionTimestamp, generation } = object.metadata ?? {};
  const first = deletionTimestamp === undefined;
  return withMetadata(object, {
    deletionTimestamp: first || Date.parse(deletionTimestamp) > now ? timestamp(now) : deletionTimestamp,
    deletionGracePeriodSeconds: 0,
    ...(first && generation !== undefined && generation > 0 && { generation: generation + 1 }),
  });
}

function withMetadata(object: KubernetesObject, change: ObjectMeta): KubernetesObject {
  const { finalizers, ...rest } = { ...object.metadata, ...change };
  const kept = finalizers !== undefined && finalizers.length > 0;
  return { ...object, metadata: { ...rest, ...(kept && { finalizers }) } };
}
