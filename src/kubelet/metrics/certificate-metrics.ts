import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { CertificateRotation } from "../certificates/certificate-rotation.ts";
import type { Clock } from "../../ports/clock.ts";

/** Certificates that are renewed by signing requests; those from files are not watched. */
export interface RotatedCertificates {
  readonly serving?: CertificateRotation;
  readonly client?: CertificateRotation;
}

const HOUR = 3_600;
const DAY = 24 * HOUR;
const AGE_BUCKETS = [60, HOUR, 4 * HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 360 * DAY, 1_440 * DAY];

/** How long certificates still hold, how old they became, and what failed on the way to the next one. */
export function registerCertificateMetrics(
  registry: Registry,
  { clock, serving, client }: RotatedCertificates & { readonly clock: Pick<Clock, "now"> },
): void {
  const registers = [registry];
  const timeToLive = (name: string, what: string, rotation: CertificateRotation): void => {
    const gauge: Gauge = new Gauge({
      name,
      help: `[ALPHA] Seconds until the kubelet's ${what} certificate runs out, negative after that; +Inf without one.`,
      registers,
      collect() {
        const expiresAt = rotation.expiresAt();
        gauge.set(expiresAt === undefined ? Number.POSITIVE_INFINITY : Math.trunc((expiresAt - clock.now()) / 1_000));
      },
    });
  };
  if (serving !== undefined) {
    timeToLive("kubelet_certificate_manager_server_ttl_seconds", "serving", serving);
    const failures = new Counter({
      name: "kubelet_server_expiration_renew_errors",
      help: "[ALPHA] Counter of certificate renewal errors.",
      registers,
    });
    const ages = new Histogram({
      name: "kubelet_certificate_manager_server_rotation_seconds",
      help: "[ALPHA] Histogram of the number of seconds the previous certificate lived before being rotated.",
      buckets: AGE_BUCKETS,
      registers,
    });
    serving.observe({ failed: () => failures.inc(), rotated: (ageSeconds) => ages.observe(ageSeconds) });
  }
  if (client !== undefined) {
    timeToLive("kubelet_certificate_manager_client_ttl_seconds", "client", client);
    const failures = new Counter({
      name: "kubelet_certificate_manager_client_expiration_renew_errors",
      help: "[ALPHA] Counter of certificate renewal errors.",
      registers,
    });
    client.observe({ failed: () => failures.inc() });
  }
}
