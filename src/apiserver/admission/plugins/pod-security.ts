import { invalid } from "../../../api/status-error.ts";
import type { KubernetesObject, Namespace, ObjectMeta, Pod, PodSpec } from "../../../api/types.ts";
import type { PodSubject } from "../../../core/pod-security/check.ts";
import { describeViolations, violationsOf } from "../../../core/pod-security/evaluate.ts";
import {
  NO_POD_SECURITY_CONFIGURATION,
  type PodSecurityConfiguration,
} from "../../../core/pod-security/configuration.ts";
import {
  compareLevels,
  describeLabelled,
  isEquivalent,
  isFullyPrivileged,
  type LevelVersion,
  type Policy,
  policyOf,
  sameLevelVersion,
  showLevelVersion,
} from "../../../core/pod-security/policy.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { qualifiedName } from "../../resources/kind-policies.ts";
import { refused } from "../request-kind.ts";
import type { PodSecurityMetrics } from "./pod-security-metrics.ts";
import { warningsAboutPods } from "./pod-security-of-namespace.ts";

/** Subresources that change nothing of how a pod runs. */
const HARMLESS: ReadonlySet<string> = new Set([
  "exec",
  "attach",
  "binding",
  "eviction",
  "log",
  "portforward",
  "proxy",
  "status",
]);
/** Kinds that pods are made from, with the path to the template. */
const TEMPLATES: ReadonlyMap<string, readonly string[]> = new Map([
  ["podtemplates", ["template"]],
  ["replicationcontrollers", ["spec", "template"]],
  ["replicasets.apps", ["spec", "template"]],
  ["deployments.apps", ["spec", "template"]],
  ["statefulsets.apps", ["spec", "template"]],
  ["daemonsets.apps", ["spec", "template"]],
  ["jobs.batch", ["spec", "template"]],
  ["cronjobs.batch", ["spec", "jobTemplate", "spec", "template"]],
]);

/** Prefix of what is put into the audit record of a request. */
const ANNOTATIONS = "pod-security.kubernetes.io/";

export interface PodSecurityDeps {
  /** @default nothing is counted */
  readonly metrics?: PodSecurityMetrics;
}

export interface PodSecurityOptions {
  /** The minor version of v1 that "latest" means. */
  readonly newestMinor: number;
  /** @default nobody is exempt, and namespaces without labels allow everything */
  readonly configuration?: PodSecurityConfiguration;
}

/**
 * Holds pods to the Pod Security Standards that the labels of their namespace ask for. Pods are refused, templates of
 * pods warned about; a namespace's labels are checked, and pods that would break new ones named. What the audit level
 * finds becomes annotations of the request's audit record.
 */
export function podSecurity(deps: PodSecurityDeps, options: PodSecurityOptions): AdmissionPlugin {
  const { metrics } = deps;
  const { newestMinor, configuration = NO_POD_SECURITY_CONFIGURATION } = options;
  const { defaults, exemptions } = configuration;

  function exempt(request: AdmissionRequest, reason: "namespace" | "user" | "runtimeClass"): undefined {
    metrics?.exempted(request);
    request.annotate?.(`${ANNOTATIONS}exempt`, reason);
  }

  /** Decides one mode. @returns what breaks its level, "" for nothing */
  function evaluate(
    request: AdmissionRequest,
    subject: PodSubject,
    mode: keyof Policy,
    policy: LevelVersion,
    seen: Map<string, string>,
  ): string {
    const key = showLevelVersion(policy);
    const found = seen.get(key) ?? describeViolations(violationsOf(subject, policy, newestMinor));
    seen.set(key, found);
    // Who audits or warns wants to know what is wrong; what is right is counted once.
    if (mode === "enforce" || found !== "") {
      metrics?.evaluated(request, { mode, policy, decision: found === "" ? "allow" : "deny" });
    }
    return found;
  }

  async function judge(
    request: AdmissionRequest,
    objects: Objects,
    subject: PodSubject,
    isPod: boolean,
  ): Promise<readonly string[] | undefined> {
    if (exemptions.namespaces.has(request.namespace)) return exempt(request, "namespace");
    if (exemptions.usernames.has(request.user.name)) return exempt(request, "user");
    const namespace: Namespace = await objects.get("namespaces", "", request.namespace);
    const { policy, problems } = policyOf(namespace.metadata?.labels ?? {}, defaults);
    if (problems.length === 0 && isFullyPrivileged(policy)) {
      if (isPod) {
        metrics?.evaluated(request, { mode: "enforce", policy: policy.enforce, decision: "allow" });
        request.annotate?.(`${ANNOTATIONS}enforce-policy`, "privileged:latest");
      }
      return undefined;
    }
    if (!isPod && policy.audit.level === "privileged" && policy.warn.level === "privileged" && problems.length === 0) {
      return undefined;
    }
    const { operation, object, old } = request;
    if (isPod && operation === "update" && !isSignificant(object as Pod, old as Pod | undefined)) return undefined;
    if (exemptions.runtimeClasses.has(subject.spec.runtimeClassName ?? "")) return exempt(request, "runtimeClass");
    if (problems.length > 0) {
      const texts = problems.map(({ field, message }) => `${field}: ${message}`);
      const all = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
      request.annotate?.(`${ANNOTATIONS}error`, `Failed to parse policy: ${all}`);
      metrics?.failed(request, false);
    }
    const seen = new Map<string, string>();
    if (isPod) request.annotate?.(`${ANNOTATIONS}enforce-policy`, showLevelVersion(policy.enforce));
    const enforced = isPod ? evaluate(request, subject, "enforce", policy.enforce, seen) : "";
    const audited = evaluate(request, subject, "audit", policy.audit, seen);
    if (audited !== "") request.annotate?.(`${ANNOTATIONS}audit-violations`, wouldViolate(policy.audit, audited));
    if (enforced !== "") {
      throw refused(request, `violates PodSecurity "${showLevelVersion(policy.enforce)}": ${enforced}`);
    }
    const warned = evaluate(request, subject, "warn", policy.warn, seen);
    return warned === "" ? undefined : [wouldViolate(policy.warn, warned)];
  }

  return {
    name: "PodSecurity",
    async validate(request, objects) {
      const { object, operation, subresource } = request;
      if (object === undefined || (operation !== "create" && operation !== "update")) return undefined;
      const kind = qualifiedName(request.kind);
      if (kind === "namespaces") {
        return subresource === "" ? namespaceWarnings(request, object, objects, newestMinor, configuration) : undefined;
      }
      if (kind === "pods") {
        if (HARMLESS.has(subresource)) return undefined;
        const pod = object as Pod;
        if (pod.spec === undefined) return undefined;
        return judge(request, objects, { metadata: pod.metadata ?? {}, spec: pod.spec }, true);
      }
      const path = TEMPLATES.get(kind);
      const template = path === undefined || subresource !== "" ? undefined : templateAt(object, path);
      return template === undefined ? undefined : judge(request, objects, template, false);
    },
  };
}

function wouldViolate(policy: LevelVersion, violations: string): string {
  return `would violate PodSecurity "${showLevelVersion(policy)}": ${violations}`;
}

function namespaceWarnings(
  { kind, old }: AdmissionRequest,
  object: KubernetesObject,
  objects: Objects,
  newestMinor: number,
  { defaults, exemptions }: PodSecurityConfiguration,
): readonly string[] {
  const labels = object.metadata?.labels ?? {};
  const next = policyOf(labels, defaults);
  const before = old === undefined ? undefined : policyOf(old.metadata?.labels ?? {}, defaults);
  if (next.problems.length > 0 && JSON.stringify(next.problems) !== JSON.stringify(before?.problems)) {
    throw invalid(kind, object.metadata?.name ?? "", next.problems);
  }
  const name = object.metadata?.name ?? "";
  if (before !== undefined && !isStricter(next.policy.enforce, before.policy.enforce)) return [];
  if (exemptions.namespaces.has(name)) {
    if (isFullyPrivileged(next.policy) || isEquivalent(next.policy, defaults)) return [];
    const ignored = describeLabelled(labels, next.policy);
    return [`namespace "${name}" is exempt from Pod Security, and the policy (${ignored}) will be ignored`];
  }
  if (before === undefined) return [];
  const { runtimeClasses } = exemptions;
  const pods = (objects.list("pods", name) as readonly Pod[]).filter(
    ({ spec }) => !runtimeClasses.has(spec?.runtimeClassName ?? ""),
  );
  return warningsAboutPods({ name, pods, level: next.policy.enforce, newestMinor });
}

/** Whether pods that were fine may not be any more: another version counts, the same version only with a stricter level. */
function isStricter(next: LevelVersion, before: LevelVersion): boolean {
  if (sameLevelVersion(next, before) || next.level === "privileged") return false;
  return next.minor !== before.minor || compareLevels(next.level, before.level) > 0;
}

/** Only images and new containers can change after a pod was made; those who change nothing of it are not judged again. */
function isSignificant(next: Pod, old: Pod | undefined): boolean {
  if (old === undefined) return true;
  const lists = ["containers", "initContainers"] as const;
  const differs = lists.some((list) => {
    const before = old.spec?.[list] ?? [];
    const after = next.spec?.[list] ?? [];
    return after.length !== before.length || after.some(({ image }, index) => image !== before[index]?.image);
  });
  const known = new Map((old.spec?.ephemeralContainers ?? []).map(({ name, image }) => [name, image]));
  return (
    differs ||
    (next.spec?.ephemeralContainers ?? []).some(({ name, image }) => !known.has(name) || known.get(name) !== image)
  );
}

function templateAt(object: KubernetesObject, path: readonly string[]): PodSubject | undefined {
  let value: unknown = object;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  const { metadata, spec } = (value ?? {}) as { readonly metadata?: ObjectMeta; readonly spec?: PodSpec };
  return spec === undefined ? undefined : { metadata: metadata ?? {}, spec };
}
