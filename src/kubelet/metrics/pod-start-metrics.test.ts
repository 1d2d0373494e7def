import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { Pod } from "../../api/types.ts";
import { createPodStartMetrics, registerUserNamespaceRanges } from "./pod-start-metrics.ts";

const pod = (hostUsers?: boolean): Pod => ({
  spec: { containers: [], ...(hostUsers !== undefined && { hostUsers }) },
});

describe("createPodStartMetrics()", () => {
  it("counts pods with users of their own in both families", async () => {
    const registry = new Registry();
    const observe = createPodStartMetrics(registry);
    for (const hostUsers of [undefined, true, false]) observe({ type: "pod-starting", pod: pod(hostUsers) });
    observe({ type: "pod-start-failed", pod: pod(false), at: "container" });
    observe({ type: "pod-start-failed", pod: pod(false), at: "sandbox" });
    observe({ type: "pod-start-failed", pod: pod(), at: "container" });
    const text = await registry.metrics();
    expect(text).toContain("\nkubelet_started_pods_total 3\n");
    expect(text).toContain("\nkubelet_started_pods_errors_total 1\n");
    expect(text).toContain("\nkubelet_started_user_namespaced_pods_total 1\n");
    expect(text).toContain("\nkubelet_started_user_namespaced_pods_errors_total 2\n");
  });

  it("counts containers by kind", async () => {
    const registry = new Registry();
    const observe = createPodStartMetrics(registry);
    observe({ type: "container-starting", kind: "init" });
    observe({ type: "container-start-failed", kind: "container", reason: "ErrImagePull" });
    const text = await registry.metrics();
    expect(text).toContain('kubelet_started_containers_total{container_type="init_container"} 1');
    expect(text).toContain('kubelet_started_containers_errors_total{container_type="container",code="ErrImagePull"} 1');
  });
});

describe("registerUserNamespaceRanges()", () => {
  it("shows the pool as it is at each scrape, and nothing before it is known", async () => {
    const registry = new Registry();
    let counts: { used: number; free: number; reserved: number } | undefined;
    registerUserNamespaceRanges(registry, () => counts);
    expect(await registry.metrics()).not.toContain("state=");
    counts = { used: 2, free: 3, reserved: 1 };
    expect(await registry.metrics()).toContain('orlop_kubelet_user_namespace_ranges{state="reserved"} 1');
  });
});
