import { invalid } from "../../../api/status-error.ts";
import type { KubernetesObject, Namespace, ObjectMeta, Pod, PodSpec } from "../../../api/types.ts";
import type { PodSubject } from "../../../core/pod-security/check.ts";
import { describeViolations, violationsOf } from "../../../core/pod-security/evaluate.ts";
import { type LevelVersion, policyOf, showLevelVersion } from "../../../core/pod-security/policy.ts";
import type { AdmissionPlugin, AdmissionRequest, Objects } from "../../extension.ts";
import { qualifiedName } from "../../resources/kind-policies.ts";
import { refused } from "../request-kind.ts";
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

/** What an audit log should say of a request, e.g. `audit-violations`. */
export interface PodSecurityFinding {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  readonly violations: string;
}

export interface PodSecurityDeps {
  readonly audit?: (finding: PodSecurityFinding) => void;
}

/**
 * Holds pods to the Pod Security Standards that the labels of their namespace ask for. Pods are refused, templates of
 * pods warned about; a namespace's labels are checked, and pods that would break new ones named.
 */
export function podSecurity(deps: PodSecurityDeps, options: { readonly newestMinor: number }): AdmissionPlugin {
  const violations = (subject: PodSubject, level: LevelVersion): string =>
    describeViolations(violationsOf(subject, level, options.newestMinor));

  async function evaluate(
    request: AdmissionRequest,
    objects: Objects,
    subject: PodSubject,
    isPod: boolean,
  ): Promise<readonly string[]> {
    const namespace: Namespace = await objects.get("namespaces", "", request.namespace);
    const { policy } = policyOf(namespace.metadata?.labels ?? {});
    const { enforce, audit, warn } = policy;
    const audited = violations(subject, audit);
    if (audited !== "") {
      deps.audit?.({
        kind: qualifiedName(request.kind),
        namespace: request.namespace,
        name: request.name,
        user: request.user.name,
        violations: `would violate PodSecurity "${showLevelVersion(audit)}": ${audited}`,
      });
    }
    const enforced = isPod ? violations(subject, enforce) : "";
    if (enforced !== "") throw refused(request, `violates PodSecurity "${showLevelVersion(enforce)}": ${enforced}`);
    const warned = violations(subject, warn);
    return warned === "" ? [] : [`would violate PodSecurity "${showLevelVersion(warn)}": ${warned}`];
  }

  return {
    name: "PodSecurity",
    async validate(request, objects) {
      const { object, old, operation, subresource } = request;
      if (object === undefined || (operation !== "create" && operation !== "update")) return undefined;
      const kind = qualifiedName(request.kind);
      if (kind === "namespaces") {
        return subresource === "" ? namespaceWarnings(request, object, objects, options.newestMinor) : undefined;
      }
      if (kind === "pods") {
        if (HARMLESS.has(subresource)) return undefined;
        const pod = object as Pod;
        if (pod.spec === undefined) return undefined;
        if (operation === "update" && old !== undefined && !isSignificant(pod, old as Pod)) return undefined;
        return evaluate(request, objects, { metadata: pod.metadata ?? {}, spec: pod.spec }, true);
      }
      const path = TEMPLATES.get(kind);
      const template = path === undefined || subresource !== "" ? undefined : templateAt(object, path);
      return template === undefined ? undefined : evaluate(request, objects, template, false);
    },
  };
}

function namespaceWarnings(
  { kind, old }: AdmissionRequest,
  object: KubernetesObject,
  objects: Objects,
  newestMinor: number,
): readonly string[] {
  const next = policyOf(object.metadata?.labels ?? {});
  const before = old === undefined ? undefined : policyOf(old.metadata?.labels ?? {});
  if (next.problems.length > 0 && JSON.stringify(next.problems) !== JSON.stringify(before?.problems)) {
    throw invalid(kind, object.metadata?.name ?? "", next.problems);
  }
  if (before === undefined) return [];
  const name = object.metadata?.name ?? "";
  const pods = (): readonly Pod[] => objects.list("pods", name) as readonly Pod[];
  return warningsAboutPods({ name, pods, next: next.policy.enforce, before: before.policy.enforce, newestMinor });
}

/** Only images and new containers can change after a pod was made; those who change nothing of it are not judged again. */
function isSignificant(next: Pod, old: Pod): boolean {
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
