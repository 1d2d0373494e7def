import { describe, expect, it } from "vitest";
import { scrapeInText, scrapesThroughApiServer } from "./scrape-config.ts";

const holder = { kind: "ConfigMap", namespace: "monitoring", name: "prometheus", key: "prometheus.yml" };

/** As the Prometheus chart wrote it until 2026. */
const job = {
  job_name: "kubernetes-nodes-cadvisor",
  scheme: "https",
  tls_config: { ca_file: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" },
  bearer_token_file: "/var/run/secrets/kubernetes.io/serviceaccount/token",
  kubernetes_sd_configs: [{ role: "node" }],
  relabel_configs: [
    { action: "labelmap", regex: "__meta_kubernetes_node_label_(.+)" },
    { target_label: "__address__", replacement: "kubernetes.default.svc:443" },
    {
      source_labels: ["__meta_kubernetes_node_name"],
      regex: "(.+)",
      target_label: "__metrics_path__",
      replacement: "/api/v1/nodes/$1/proxy/metrics/cadvisor",
    },
  ],
};
const direct = {
  job_name: "kubernetes-nodes-cadvisor",
  scheme: "https",
  metrics_path: "/metrics/cadvisor",
  tls_config: job.tls_config,
  bearer_token_file: job.bearer_token_file,
  kubernetes_sd_configs: [{ role: "node" }],
  relabel_configs: [{ action: "labelmap", regex: "__meta_kubernetes_node_label_(.+)" }],
};

describe("scrapesThroughApiServer()", () => {
  it("writes the job that asks kubelets directly, and keeps what has nothing to do with it", () => {
    expect(scrapesThroughApiServer({ global: {}, scrape_configs: [job, direct] }, holder)).toEqual([
      { holder, job: "kubernetes-nodes-cadvisor", paths: ["/metrics/cadvisor"], direct },
    ]);
  });

  it.each([
    ["/api/v1/nodes/$1/proxy/metrics", "/metrics"],
    ["/api/v1/nodes/${1}/proxy/metrics/cadvisor", "/metrics/cadvisor"],
    ["/api/v1/nodes/$$1/proxy/metrics/probes", "/metrics/probes"],
    ["/api/v1/nodes/https:$1:10250/proxy/metrics", "/metrics"],
    ["/api/v1/nodes/${1}/proxy", "/metrics"],
    ["/api/v1/nodes/${1}:10255/proxy/", "/metrics"],
  ])("knows %s", (replacement, path) => {
    const relabel = { target_label: "__metrics_path__", replacement };
    const found = scrapesThroughApiServer([{ job_name: "j", relabel_configs: [relabel] }], holder);
    expect(found).toMatchObject([{ paths: [path], direct: { metrics_path: path, scheme: "https" } }]);
  });

  it("finds jobs inside the configuration of a collector", () => {
    const spec = { config: { receivers: { prometheus: { config: { scrape_configs: [job] } } } } };
    expect(scrapesThroughApiServer({ kind: "OpenTelemetryCollector", spec }, holder)).toMatchObject([{ direct }]);
  });

  it("reads custom resources in their own words", () => {
    const relabelConfigs = [
      { action: "labelmap", regex: "x(.+)" },
      { targetLabel: "__address__", replacement: "kubernetes.default.svc:443" },
      { targetLabel: "__metrics_path__", replacement: "/api/v1/nodes/$1/proxy/metrics/cadvisor" },
    ];
    const value = { kind: "VMNodeScrape", spec: { scheme: "https", interval: "30s", relabelConfigs } };
    expect(scrapesThroughApiServer(value, { ...holder, kind: "VMNodeScrape", name: "cadvisor" })).toMatchObject([
      {
        job: "cadvisor",
        direct: { scheme: "https", interval: "30s", path: "/metrics/cadvisor", relabelConfigs: [relabelConfigs[0]] },
      },
    ]);
  });

  it("leaves alone what asks kubelets directly, what proxies to services, and what is no configuration", () => {
    const service = { job_name: "s", metrics_path: "/api/v1/namespaces/a/services/b/proxy/metrics" };
    for (const value of [{ scrape_configs: [direct, service, null, "x"] }, undefined, "text", 7, [], null]) {
      expect(scrapesThroughApiServer(value, holder)).toEqual([]);
    }
  });
});

describe("scrapeInText()", () => {
  it("names the paths of configurations it can not rewrite", () => {
    const alloy = `rule {
      replacement  = "/api/v1/nodes/\${1}/proxy/metrics/cadvisor"
      target_label = "__metrics_path__"
    }
    rule { replacement = "/api/v1/nodes/\${1}/proxy/metrics" }`;
    expect(scrapeInText(alloy, holder)).toEqual([{ holder, job: "", paths: ["/metrics/cadvisor", "/metrics"] }]);
    expect(scrapeInText("GET /api/v1/nodes/a/status", holder)).toEqual([]);
  });
});
