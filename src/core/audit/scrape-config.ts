import { type Fields, fieldsOf, listOf } from "./fields.ts";

/** Something that reads kubelets through the API server's proxy, and so needs nodes/proxy whatever it reads. */
export interface ScrapeThroughApiServer {
  readonly holder: ScrapeHolder;
  /** "" when the configuration has no names for jobs. */
  readonly job: string;
  /** Paths at the kubelet, e.g. "/metrics/cadvisor". */
  readonly paths: readonly string[];
  /** The same job asking the kubelets themselves; undefined when the form of the configuration is not known. */
  readonly direct?: Fields;
}

/** Where a configuration stands; `key` is "" when it is the object itself. */
export interface ScrapeHolder {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** The same things are named otherwise in prometheus.yml and in custom resources. */
interface Spelling {
  readonly path: string;
  readonly relabels: string;
  readonly target: string;
}

const CONFIGURATION: Spelling = { path: "metrics_path", relabels: "relabel_configs", target: "target_label" };
/** Custom resources that hold one job each. */
const RESOURCES: Readonly<Record<string, Spelling>> = {
  VMNodeScrape: { path: "path", relabels: "relabelConfigs", target: "targetLabel" },
  VMScrapeConfig: { path: "path", relabels: "relabelConfigs", target: "targetLabel" },
  ScrapeConfig: { path: "metricsPath", relabels: "relabelings", target: "targetLabel" },
};

const THROUGH = /^\/api\/v1\/nodes\/(?:https:)?[^/]+\/proxy(\/.*)?$/;
const THROUGH_IN_TEXT = /\/api\/v1\/nodes\/[^/\s"'`]+\/proxy((?:\/[\w.-]+)*)/g;
/** Deeper than any configuration is. */
const MAXIMUM_DEPTH = 12;

/**
 * Jobs of anything that has `scrape_configs` somewhere in it (prometheus.yml, collector configurations), or that is a
 * list of them, which discover nodes and scrape them through /api/v1/nodes/NAME/proxy; each with the form that scrapes
 * port 10250 and needs nodes/metrics only.
 */
export function scrapesThroughApiServer(
  configuration: unknown,
  holder: ScrapeHolder,
): readonly ScrapeThroughApiServer[] {
  const { kind, spec } = fieldsOf(configuration);
  const spelling = typeof kind === "string" && Object.hasOwn(RESOURCES, kind) ? RESOURCES[kind] : undefined;
  if (spelling !== undefined) return scrapeOf(fieldsOf(spec), holder.name, spelling, holder);
  const jobs = Array.isArray(configuration) ? configuration : jobsIn(configuration, MAXIMUM_DEPTH);
  return jobs.flatMap((job: unknown) => {
    const { job_name: name } = fieldsOf(job);
    return scrapeOf(fieldsOf(job), typeof name === "string" ? name : "", CONFIGURATION, holder);
  });
}

/** For configurations in other languages (Alloy): that it is so can be told, how to write it otherwise can not. */
export function scrapeInText(text: string, holder: ScrapeHolder): readonly ScrapeThroughApiServer[] {
  const paths = [...text.matchAll(THROUGH_IN_TEXT)].map(([, path]) => pathAtKubelet(path));
  return paths.length === 0 ? [] : [{ holder, job: "", paths: [...new Set(paths)] }];
}

function jobsIn(value: unknown, depth: number): readonly unknown[] {
  if (depth === 0 || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === "scrape_configs" ? listOf(part) : jobsIn(part, depth - 1),
  );
}

function scrapeOf(
  job: Fields,
  name: string,
  spelling: Spelling,
  holder: ScrapeHolder,
): readonly ScrapeThroughApiServer[] {
  const candidates = [
    job[spelling.path],
    ...listOf(job[spelling.relabels]).flatMap((relabel) => {
      const fields = fieldsOf(relabel);
      return fields[spelling.target] === "__metrics_path__" ? [fields["replacement"]] : [];
    }),
  ];
  const paths = candidates.flatMap((text) => {
    const match = typeof text === "string" ? THROUGH.exec(text) : null;
    return match === null ? [] : [pathAtKubelet(match[1])];
  });
  const [path] = paths;
  return path === undefined ? [] : [{ holder, job: name, paths, direct: directForm(job, path, spelling) }];
}

function pathAtKubelet(path: string | undefined): string {
  return path === undefined || path === "" || path === "/" ? "/metrics" : path;
}

/** Discovery of nodes gives the address of the kubelet by itself; what leads to the API server goes. */
function directForm(job: Fields, path: string, spelling: Spelling): Fields {
  const relabels = listOf(job[spelling.relabels]).filter((relabel) => {
    const fields = fieldsOf(relabel);
    const label = fields[spelling.target];
    return label !== "__metrics_path__" && !(label === "__address__" && leadsToServer(fields["replacement"]));
  });
  const replaced: readonly string[] = [spelling.path, spelling.relabels, "scheme"];
  const rest = Object.fromEntries(Object.entries(job).filter(([key]) => !replaced.includes(key)));
  return {
    ...rest,
    scheme: job["scheme"] === "HTTPS" ? "HTTPS" : "https",
    [spelling.path]: path,
    ...(relabels.length > 0 && { [spelling.relabels]: relabels }),
  };
}

function leadsToServer(replacement: unknown): boolean {
  return typeof replacement === "string" && /^kubernetes(\.default|:|$)/.test(replacement);
}

/** The scrape in words, for messages. */
export function describeScrape({ job, holder, paths }: ScrapeThroughApiServer): string {
  const place = `${holder.kind} ${holder.namespace}/${holder.name}${holder.key === "" ? "" : `, ${holder.key}`}`;
  return `${job === "" ? "a scrape" : `scrape job "${job}"`} (${place}) reads ${paths.join(", ")} through the API server's proxy`;
}

/** What to know before switching to the direct form. */
export const DIRECT_SCRAPE_REMARK =
  "kubelets serve with a certificate of their own: where it is not signed by the cluster's authority or lacks the address (no serverTLSBootstrap), the scrape fails until tls_config names the right CA or server_name";
