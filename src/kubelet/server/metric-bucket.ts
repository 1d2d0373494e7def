/** First segments of the paths that kubelet_http_* metrics tell apart; "metrics" is told apart by its second one too. */
const BUCKETS: ReadonlySet<string> = new Set([
  "attach",
  "checkpoint",
  "configz",
  "containerLogs",
  "debug",
  "exec",
  "flagz",
  "healthz",
  "logs",
  "metrics",
  "metrics/cadvisor",
  "metrics/probes",
  "metrics/resource",
  "pods",
  "portForward",
  "run",
  "runningPods",
  "runningpods",
  "spec",
  "stats",
  "statusz",
]);

/** Buckets whose requests may last: streams and profiles. portForward is none upstream either. */
const LONG_RUNNING: ReadonlySet<string> = new Set(["attach", "debug", "exec"]);

export interface MetricBucket {
  /** The label `path`. "other" for all that is not known, so that clients can not make up series. */
  readonly bucket: string;
  /** The label `long_running`. */
  readonly longRunning: boolean;
}

/** What a request counts as in kubelet_http_* metrics. Goes by the path alone, whatever is answered. */
export function metricBucket(path: string): MetricBucket {
  const [first = "", second] = (path.startsWith("/") ? path.slice(1) : path).split("/", 2);
  const root = first === "metrics" && second !== undefined ? `${first}/${second}` : first;
  const bucket = BUCKETS.has(root) ? root : "other";
  return { bucket, longRunning: LONG_RUNNING.has(bucket) };
}
