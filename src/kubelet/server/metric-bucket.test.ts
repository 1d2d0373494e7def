import { describe, expect, it } from "vitest";
import { metricBucket } from "./metric-bucket.ts";

describe("metricBucket()", () => {
  it.each([
    ["/healthz", "healthz"],
    ["/healthz/", "healthz"],
    ["/healthz/syncloop", "healthz"],
    ["/attach/ns/pod/uid/c", "attach"],
    ["/containerLogs/ns/pod/c", "containerLogs"],
    ["/debug/flags/v", "debug"],
    ["/debug/pprof/heap", "debug"],
    ["/logs/syslog", "logs"],
    ["/metrics", "metrics"],
    ["/metrics/cadvisor", "metrics/cadvisor"],
    ["/metrics/probes", "metrics/probes"],
    ["/metrics/resource", "metrics/resource"],
    ["/metrics/slis", "other"],
    ["/pods/x", "pods"],
    ["/portForward/ns/pod", "portForward"],
    ["/runningpods/", "runningpods"],
    ["/stats/summary", "stats"],
    ["/junk", "other"],
    ["/healthzjunk", "other"],
    ["/", "other"],
    ["", "other"],
    ["*", "other"],
  ])("counts %j as %s", (path, bucket) => {
    expect(metricBucket(path).bucket).toBe(bucket);
  });

  it("takes streams and profiles for long", () => {
    const long = ["/exec/a", "/attach/a", "/debug/pprof/", "/portForward/a", "/run/a", "/pods"].filter(
      (path) => metricBucket(path).longRunning,
    );
    expect(long).toEqual(["/exec/a", "/attach/a", "/debug/pprof/"]);
  });
});
