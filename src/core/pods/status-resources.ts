import type { Container, EphemeralContainer } from "../../api/types.ts";
import {
  formatQuantity,
  parseQuantity,
  quantityFromInteger,
  quantityFromMilli,
  milliUnits,
  wholeUnits,
} from "../../lib/quantity.ts";
import type { ContainerAttempt } from "./pod-runtime.ts";

type Resources = NonNullable<Container["resources"]>;

const SHARES_PER_CPU = 1024;
const SMALLEST_SHARES = 2;
/** Below this the kernel's smallest quota applies, so what runs can not be told from what was asked for. */
const SMALLEST_MILLI_CPU_LIMIT = 10;

/**
 * Resources as the container really has them: what the runtime reports for a running container, what the spec asks for
 * else (KEP-1287).
 */
export function statusResources(container: Container | EphemeralContainer, attempt: ContainerAttempt): Resources {
  const asked = container.resources ?? {};
  const seen = attempt.resources;
  if (attempt.state !== "running" || seen === undefined) return asked;
  const limits = asked.limits === undefined ? undefined : { ...asked.limits };
  const requests = asked.requests === undefined ? undefined : { ...asked.requests };
  if (limits !== undefined) {
    const { cpuQuota = 0, cpuPeriod = 0, memoryLimitBytes = 0 } = seen;
    if (limits["cpu"] !== undefined && cpuQuota > 0 && cpuPeriod > 0) {
      const milli = Math.floor((cpuQuota * 1000) / cpuPeriod);
      const known = milliOf(limits["cpu"]);
      if (known !== milli && Math.max(milli, known) > SMALLEST_MILLI_CPU_LIMIT) {
        limits["cpu"] = formatQuantity(quantityFromMilli(milli));
      }
    }
    const memory = limits["memory"] === undefined ? undefined : parseQuantity(limits["memory"]);
    if (memory?.ok === true && memoryLimitBytes > 0 && wholeUnits(memory.value) !== BigInt(memoryLimitBytes)) {
      limits["memory"] = formatQuantity(quantityFromInteger(memoryLimitBytes, "binary"));
    }
  }
  if (requests?.["cpu"] !== undefined && (seen.cpuShares ?? 0) > SMALLEST_SHARES) {
    const asShares = Math.floor((milliOf(requests["cpu"]) * SHARES_PER_CPU) / 1000);
    // Shares are coarser than thousandths: the same shares mean the same request.
    if (asShares !== seen.cpuShares) {
      requests["cpu"] = formatQuantity(quantityFromMilli(Math.ceil(((seen.cpuShares ?? 0) * 1000) / SHARES_PER_CPU)));
    }
  }
  return {
    ...asked,
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
  };
}

function milliOf(text: string): number {
  const parsed = parseQuantity(text);
  return parsed.ok ? Number(milliUnits(parsed.value)) : 0;
}
