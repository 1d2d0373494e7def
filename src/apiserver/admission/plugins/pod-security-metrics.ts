import { Counter, type Registry } from "prom-client";
import { type LevelVersion, showLevelVersion } from "../../../core/pod-security/policy.ts";
import type { AdmissionRequest } from "../../extension.ts";
import { qualifiedName } from "../../resources/kind-policies.ts";

/** Counts what the admission plugin PodSecurity does, under upstream's names. */
export interface PodSecurityMetrics {
  evaluated(
    request: AdmissionRequest,
    evaluation: {
      readonly mode: "enforce" | "audit" | "warn";
      readonly policy: LevelVersion;
      readonly decision: "allow" | "deny";
    },
  ): void;
  exempted(request: AdmissionRequest): void;
  /** @param fatal whether the request was refused because of it */
  failed(request: AdmissionRequest, fatal: boolean): void;
}

const REQUEST_LABELS = ["request_operation", "resource", "subresource"] as const;

/** @param newestMinor policies of later minor versions of v1 are counted as "future" */
export function createPodSecurityMetrics(registry: Registry, newestMinor: number): PodSecurityMetrics {
  const registers = [registry];
  const evaluations = new Counter({
    name: "pod_security_evaluations_total",
    help: "Number of policy evaluations that occurred, not counting ignored or exempt requests.",
    labelNames: ["decision", "policy_level", "policy_version", "mode", ...REQUEST_LABELS],
    registers,
  });
  const exemptions = new Counter({
    name: "pod_security_exemptions_total",
    help: "Number of exempt requests, not counting ignored or out of scope requests.",
    labelNames: REQUEST_LABELS,
    registers,
  });
  const errors = new Counter({
    name: "pod_security_errors_total",
    help: "Number of errors preventing normal evaluation; after one that is not fatal the latest restricted level may be applied.",
    labelNames: ["fatal", ...REQUEST_LABELS],
    registers,
  });
  return {
    evaluated(request, { mode, policy, decision }) {
      evaluations.inc({
        decision,
        policy_level: policy.level,
        policy_version: versionLabel(policy, newestMinor),
        mode,
        ...requestLabels(request),
      });
    },
    exempted: (request) => exemptions.inc(requestLabels(request)),
    failed: (request, fatal) => errors.inc({ fatal: String(fatal), ...requestLabels(request) }),
  };
}

function versionLabel(policy: LevelVersion, newestMinor: number): string {
  if (policy.level === "privileged" || policy.minor === Number.POSITIVE_INFINITY) return "latest";
  return policy.minor > newestMinor ? "future" : (showLevelVersion(policy).split(":")[1] ?? "");
}

function requestLabels({
  operation,
  kind,
  subresource,
}: AdmissionRequest): Record<(typeof REQUEST_LABELS)[number], string> {
  const name = qualifiedName(kind);
  const resource = name === "pods" ? "pod" : name === "namespaces" ? "namespace" : "controller";
  return { request_operation: operation, resource, subresource };
}
