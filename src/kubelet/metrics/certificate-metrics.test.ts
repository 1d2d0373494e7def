import { Registry } from "prom-client";
import { expect, it } from "vitest";
import type { CertificateRotation, RotationObserver } from "../certificates/certificate-rotation.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { registerCertificateMetrics } from "./certificate-metrics.ts";

function rotation(): CertificateRotation & { until: number | undefined; tell: RotationObserver[] } {
  const made = {
    until: undefined as number | undefined,
    tell: new Array<RotationObserver>(),
    unit: { name: "", run: async () => undefined },
    current: () => undefined,
    expiresAt: () => made.until,
    onChange: () => () => undefined,
    observe: (observer: RotationObserver) => void made.tell.push(observer),
  };
  return made;
}

it("registerCertificateMetrics() shows how long certificates hold and what failed", async () => {
  const registry = new Registry();
  const clock = createFakeClock();
  const [serving, client] = [rotation(), rotation()];
  registerCertificateMetrics(registry, { clock, serving, client });
  expect(await registry.metrics()).toContain("kubelet_certificate_manager_server_ttl_seconds +Inf");
  serving.until = clock.now() + 90_500;
  client.until = clock.now() - 1_000;
  for (const observer of [...serving.tell, ...client.tell]) {
    observer.failed();
    observer.rotated?.(7_200);
  }
  const text = await registry.metrics();
  for (const line of [
    "kubelet_certificate_manager_server_ttl_seconds 90",
    "kubelet_certificate_manager_client_ttl_seconds -1",
    "kubelet_server_expiration_renew_errors 1",
    "kubelet_certificate_manager_client_expiration_renew_errors 1",
    'kubelet_certificate_manager_server_rotation_seconds_bucket{le="3600"} 0',
    'kubelet_certificate_manager_server_rotation_seconds_bucket{le="14400"} 1',
  ]) {
    expect(text).toContain(line);
  }
});

it("registerCertificateMetrics() shows nothing of certificates that come from files", async () => {
  const registry = new Registry();
  registerCertificateMetrics(registry, { clock: createFakeClock() });
  expect(await registry.metrics()).toBe("\n");
});
