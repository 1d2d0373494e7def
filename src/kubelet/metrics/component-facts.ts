import { Gauge, type Registry } from "prom-client";
import type { FeatureGates } from "../../api/feature-gates.ts";
import { GIT_VERSION, KUBERNETES_VERSION } from "../../api/version.ts";
import type { ProcessFacts } from "../../ports/host-process.ts";

export interface ComponentFacts {
  readonly gates: FeatureGates;
  readonly process: Pick<ProcessFacts, "runtimeVersion">;
  readonly nodeName: string;
}

/** What is known once and for all: gates, version, the node's name, where container figures come from. */
export function registerComponentFacts(registry: Registry, { gates, process, nodeName }: ComponentFacts): void {
  const registers = [registry];
  const features = new Gauge({
    name: "kubernetes_feature_enabled",
    help: "[BETA] This metric records the data about the stage and enablement of a k8s feature.",
    labelNames: ["name", "stage"] as const,
    registers,
  });
  for (const { name, stage, enabled } of gates.all) features.set({ name, stage }, enabled ? 1 : 0);
  const [major = "1", minor = ""] = KUBERNETES_VERSION.split(".");
  new Gauge({
    name: "kubernetes_build_info",
    help: "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, platform and the runtime's version.",
    labelNames: ["major", "minor", "git_version", "go_version", "platform"] as const,
    registers,
  }).set({ major, minor, git_version: GIT_VERSION, go_version: process.runtimeVersion, platform: "linux" }, 1);
  new Gauge({
    name: "kubelet_node_name",
    help: "[ALPHA] The node's name. The count is always 1.",
    labelNames: ["node"] as const,
    registers,
  }).set({ node: nodeName }, 1);
  new Gauge({
    name: "kubelet_metrics_provider",
    help: "[ALPHA] Metrics provider used by kubelet to collect container stats. Values can be 'cadvisor' and 'cri'",
    labelNames: ["provider"] as const,
    registers,
  }).set({ provider: "cri" }, 1);
}
