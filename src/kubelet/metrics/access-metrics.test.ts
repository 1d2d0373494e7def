import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createSharedLookups } from "../authentication/shared-lookups.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import { createAccessMetrics } from "./access-metrics.ts";

const user = { name: "jane", groups: [], extra: {} };
const never = new AbortController();

function world() {
  const registry = new Registry();
  return { metrics: createAccessMetrics(registry), shown: () => registry.metrics() };
}

describe("createAccessMetrics()", () => {
  it("counts decisions by subresource, and those that still needed nodes/proxy apart", async () => {
    const { metrics, shown } = world();
    const granted = { access: "granted", user, verb: "get", reason: "" } as const;
    const verdicts: readonly AccessVerdict[] = [
      { ...granted, subresource: "pods", fallback: false },
      { ...granted, subresource: "proxy", fallback: true },
      { ...granted, subresource: "proxy", fallback: false, getOnly: true },
      { access: "forbidden", user, verb: "create", subresources: ["proxy"], getOnly: true },
      { access: "forbidden", user, verb: "get", subresources: ["configz", "proxy"] },
      { access: "error", user, verb: "get", subresource: "metrics", reason: "" },
      { access: "unauthenticated" },
    ];
    for (const verdict of verdicts) metrics.decided(verdict, "exec", "warn");
    const text = await shown();
    for (const line of [
      'orlop_kubelet_api_decisions_total{subresource="pods",decision="allowed"} 1',
      'orlop_kubelet_api_decisions_total{subresource="proxy",decision="allowed-by-proxy"} 1',
      'orlop_kubelet_api_decisions_total{subresource="proxy",decision="allowed"} 1',
      'orlop_kubelet_api_decisions_total{subresource="proxy",decision="forbidden"} 1',
      'orlop_kubelet_api_decisions_total{subresource="configz",decision="forbidden"} 1',
      'orlop_kubelet_api_decisions_total{subresource="metrics",decision="error"} 1',
      'orlop_kubelet_api_decisions_total{subresource="",decision="unauthenticated"} 1',
      'orlop_kubelet_get_only_connects_total{path="exec",mode="warn"} 2',
    ]) {
      expect(text).toContain(line);
    }
  });

  it("tells how the token cache does", async () => {
    const { metrics, shown } = world();
    const clock = createFakeClock();
    const lookups = createSharedLookups<{ readonly who: string }>(
      { clock, observe: metrics.tokenCache },
      { size: 10, lifetimeMs: () => 1_000 },
    );
    let answer = (_who: string): void => undefined;
    const pending = new Promise<{ readonly who: string }>((resolve) => {
      answer = (who) => resolve({ who });
    });
    const both = ["a", "b"].map(() => lookups.get("token", () => pending, never));
    await clock.untilSleepers(1);
    const during = await shown();
    expect(during).toContain('authentication_token_cache_active_fetch_count{status="in_flight"} 1');
    expect(during).toContain('authentication_token_cache_active_fetch_count{status="blocked"} 1');
    answer("jane");
    await Promise.all(both);
    await lookups.get("token", () => pending, never);
    await expect(lookups.get("other", () => Promise.reject(new Error("away")), never)).rejects.toThrow("away");
    const after = await shown();
    for (const line of [
      'authentication_token_cache_active_fetch_count{status="in_flight"} 0',
      'authentication_token_cache_active_fetch_count{status="blocked"} 0',
      'authentication_token_cache_request_total{status="miss"} 3',
      'authentication_token_cache_request_total{status="hit"} 1',
      'authentication_token_cache_fetch_total{status="ok"} 1',
      'authentication_token_cache_fetch_total{status="error"} 1',
    ]) {
      expect(after).toContain(line);
    }
  });
});
