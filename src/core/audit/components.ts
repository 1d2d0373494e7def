import type { NodeSubresource } from "../authz/kubelet-request.ts";

/** What is publicly known of a component that is often given nodes/proxy. A hint, never evidence. */
export interface KnownComponent {
  readonly name: string;
  /** Matched in names of ServiceAccounts and roles, in images, in app.kubernetes.io/name. */
  readonly matches: RegExp;
  /** Paths at the kubelet. */
  readonly endpoints: readonly string[];
  /** Asked with get when the kubelet is asked directly. */
  readonly subresources: readonly NodeSubresource[];
  /** Whom it asks. Through the API server's proxy nothing but nodes/proxy will do; "either" depends on its configuration. */
  readonly through: "kubelet" | "api-server" | "either";
  /** Values of its chart that switch to fine-grained rules. */
  readonly helmValues?: Readonly<Record<string, unknown>>;
  readonly remark?: string;
  readonly source: string;
  /** When that was looked up. */
  readonly asOf: string;
}

const AS_OF = "2026-08";

const component = (
  name: string,
  matches: RegExp,
  endpoints: string,
  subresources: string,
  source: string,
  more: Partial<Pick<KnownComponent, "through" | "helmValues" | "remark">> = {},
): KnownComponent => ({
  name,
  matches,
  endpoints: endpoints === "" ? [] : endpoints.split(" "),
  subresources: (subresources === "" ? [] : subresources.split(" ")) as NodeSubresource[],
  through: "kubelet",
  ...more,
  source,
  asOf: AS_OF,
});

/** First match counts, so the narrower names come first. */
export const KNOWN_COMPONENTS: readonly KnownComponent[] = [
  component(
    "datadog-operator",
    /datadog-operator/,
    "",
    "metrics stats pods healthz configz log",
    "DataDog/helm-charts#2392, DataDog/datadog-operator#2188",
    {
      helmValues: { clusterRole: { kubeletFineGrainedAuthorization: true } },
      remark: "must hold what it grants to agents (escalation prevention)",
    },
  ),
  component(
    "datadog agent",
    /datadog/,
    "/pods /healthz /configz /logs /stats/summary /spec /metrics",
    "metrics stats pods healthz configz log",
    "DataDog/helm-charts#2049, #2338",
    { helmValues: { datadog: { kubelet: { fineGrainedAuthorization: true } } } },
  ),
  component(
    "kube-prometheus-stack",
    /kube-prometheus/,
    "/metrics /metrics/cadvisor /metrics/probes",
    "metrics",
    "prometheus-community/helm-charts#3011",
  ),
  component(
    "VictoriaMetrics agent",
    /victoria-?metrics|vmagent|vmsingle|vm-operator/,
    "/metrics /metrics/cadvisor /metrics/probes",
    "metrics",
    "VictoriaMetrics/helm-charts#2675, #2844",
    { through: "either", remark: "taking nodes/proxy away broke scrape jobs that go through the API server" },
  ),
  component(
    "Grafana Alloy",
    /alloy|k8s-monitoring|grafana-agent/,
    "/pods /metrics/cadvisor",
    "pods metrics",
    "grafana/alloy#5374, #5417, #5563",
    { through: "either", remark: "taking nodes/proxy away broke cadvisor scrapes through the API server" },
  ),
  component(
    "OpenTelemetry collector (kubeletstats)",
    /opentelemetry|otel/,
    "/stats/summary /pods",
    "stats pods",
    "open-telemetry/opentelemetry-helm-charts#2083",
    { remark: "nodes/pods only with extra_metadata_labels or utilization metrics" },
  ),
  component(
    "Fluent Bit (Use_Kubelet)",
    /fluent-?bit|fluent-operator|logging-operator|newrelic-logging/,
    "/pods",
    "pods",
    "kube-logging/logging-operator#2245",
  ),
  component(
    "New Relic infrastructure",
    /newrelic|nri-/,
    "/pods /stats/summary /metrics /metrics/cadvisor /healthz",
    "pods stats metrics healthz",
    "newrelic/nri-kubernetes#1441, values.yaml of its chart",
    {
      through: "either",
      helmValues: { rbac: { kubeletFineGrainedAuth: true } },
      remark: "loses its fallback through the API server where port 10250 is closed",
    },
  ),
  component("Sysdig", /sysdig/, "/logs", "log", "sysdiglabs/charts#2608", {
    remark: "needed for Live Logs only; its chart has no switch to narrower rules",
  }),
  component(
    "Teleport tbot, SPIRE agent",
    /tbot|spire/,
    "/pods",
    "pods",
    "gravitational/teleport#66057, spiffe/spire#3152",
  ),
  component(
    "Node Feature Discovery garbage collector",
    /(?:node-feature-discovery|nfd)-gc/,
    "",
    "",
    "kubernetes-sigs/node-feature-discovery#2425",
    { remark: "needs nothing of kubelets" },
  ),
  component(
    "Node Feature Discovery topology updater",
    /node-feature-discovery|nfd/,
    "/configz",
    "configz",
    "kubernetes-sigs/node-feature-discovery#2425",
  ),
  component("Inspektor Gadget", /inspektor|gadget/, "/configz", "configz", "inspektor-gadget/inspektor-gadget#5273"),
  component("Vertical Pod Autoscaler", /\bvpa\b|vertical-pod-autoscaler/, "", "", "kubernetes/autoscaler#9140", {
    remark: "needs nothing of kubelets",
  }),
  component("Promtail", /promtail/, "", "", "grafana/helm-charts#3548", {
    remark: "no use of the kubelet API is known",
  }),
  component(
    "Cloudability metrics agent",
    /cloudability/,
    "/stats/summary",
    "stats",
    "cloudability/cloudability-metrics-agent#334",
    {
      through: "either",
      helmValues: { rbac: { clusterRole: { allowKubeProxy: false } } },
    },
  ),
  component(
    "OpenCost, Kubecost",
    /kubecost|opencost|cost-analyzer/,
    "/stats/summary /metrics",
    "stats metrics",
    "kubecost/cost-analyzer-helm-chart#4060",
    { through: "either" },
  ),
  component(
    "Elastic agent",
    /elastic-?agent|metricbeat|edot/,
    "/stats/summary /pods",
    "stats pods",
    "elastic/opentelemetry-demo#38",
  ),
  component(
    "Intel GPU plugin",
    /gpu-plugin|intel-gpu/,
    "/pods",
    "pods",
    "intel/intel-device-plugins-for-kubernetes#1363",
  ),
  component("Kubescape node agent", /kubescape/, "/configz", "configz", "kubescape/helm-charts#533", {
    through: "api-server",
    remark: "finds the runtime's socket in the kubelet's configuration (Inspektor Gadget)",
  }),
  component("Trivy operator, node collector", /trivy/, "/configz", "configz", "aquasecurity/trivy-operator#1965", {
    through: "api-server",
  }),
  component("metrics-server", /metrics-server/, "/metrics/resource", "metrics", "kubernetes-sigs/metrics-server#1049"),
  component("Netdata", /netdata/, "/metrics /pods", "metrics pods", "netdata/helmchart#276, #344"),
  component(
    "Prometheus",
    /prometheus/,
    "/metrics /metrics/cadvisor",
    "metrics",
    "prometheus-community/helm-charts#6533, #6578",
    {
      through: "either",
      remark: "older configurations scrape through the API server",
    },
  ),
];

/** The first component one of these texts belongs to. */
export function componentOf(texts: readonly string[]): KnownComponent | undefined {
  const joined = texts.join("\n").toLowerCase();
  return KNOWN_COMPONENTS.find(({ matches }) => matches.test(joined));
}
