/** A scrape job that goes through the API server's proxy to kubelets, and so needs nodes/proxy whatever it reads. */
export interface ScrapeThroughApiServer {
  readonly holder: { readonly kind: string; readonly namespace: string; readonly name: string; readonly key: string };
  readonly job: string;
  /** Paths at the kubelet, e.g. "/metrics/cadvisor". */
  readonly paths: readonly string[];
  /** The same job asking the kubelets themselves. */
  readonly direct: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

const THROUGH = /^\/api\/v1\/nodes\/(?:https:)?[^/]+\/proxy(\/.*)?$/;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Jobs of a Prometheus configuration (anything with `scrape_configs`) that discover nodes and scrape them through
 * /api/v1/nodes/NAME/proxy, with the form that scrapes port 10250 and needs nodes/metrics only.
 */
export function scrapesThroughApiServer(
  configuration: unknown,
  holder: ScrapeThroughApiServer["holder"],
): readonly ScrapeThroughApiServer[] {
  const jobs = Array.isArray(configuration) ? configuration : listOf(fieldsOf(configuration)["scrape_configs"]);
  return jobs.flatMap((job: unknown): readonly ScrapeThroughApiServer[] => {
    const fields = fieldsOf(job);
    const paths = pathsOf(fields);
    if (paths.length === 0) return [];
    const name = typeof fields["job_name"] === "string" ? fields["job_name"] : "";
    return [{ holder, job: name, paths, direct: directForm(fields, paths[0] ?? "/metrics") }];
  });
}

function pathsOf(job: Fields): readonly string[] {
  const candidates = [
    job["metrics_path"],
    ...listOf(job["relabel_configs"]).flatMap((relabel) => {
      const { target_label: label, replacement } = fieldsOf(relabel);
      return label === "__metrics_path__" ? [replacement] : [];
    }),
  ];
  return candidates.flatMap((text) => {
    if (typeof text !== "string") return [];
    const match = THROUGH.exec(text);
    return match === null ? [] : [match[1] === undefined || match[1] === "/" ? "/metrics" : match[1]];
  });
}

function directForm(job: Fields, path: string): Fields {
  const relabels = listOf(job["relabel_configs"]).filter((relabel) => {
    const { target_label: label, replacement } = fieldsOf(relabel);
    const toServer =
      label === "__address__" && typeof replacement === "string" && replacement.includes("kubernetes.default");
    return !toServer && label !== "__metrics_path__";
  });
  const rest = Object.fromEntries(
    Object.entries(job).filter(([key]) => !["metrics_path", "relabel_configs", "scheme"].includes(key)),
  );
  return { ...rest, scheme: "https", metrics_path: path, ...(relabels.length > 0 && { relabel_configs: relabels }) };
}

/** What to know before switching to the direct form. */
export const DIRECT_SCRAPE_REMARK =
  "kubelets serve with a certificate of their own: where it is not signed by the cluster's authority or lacks the address (no serverTLSBootstrap), the scrape fails until tls_config names the right CA or server_name";
