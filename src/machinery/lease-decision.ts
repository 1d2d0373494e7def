import type { Lease } from "../api/types.ts";
import { apiVersionOf, LEASES } from "./resources.ts";

/** A Lease and when this process saw it change last, by its own clock: clocks of others are not trusted. */
export interface LeaseObservation {
  readonly lease: Lease | undefined;
  /** Monotonic milliseconds. */
  readonly changedAt: number;
}

export interface LeaseClaim {
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly key: { readonly namespace: string; readonly name: string };
}

export type LeaseDecision =
  | { readonly do: "create"; readonly lease: Lease }
  | { readonly do: "update"; readonly lease: Lease; readonly because: "mine" | "released" | "expired" }
  | { readonly do: "wait"; readonly holder: string };

export function observeLease(
  before: LeaseObservation | undefined,
  lease: Lease | undefined,
  monotonic: number,
): LeaseObservation {
  const changed = before === undefined || JSON.stringify(before.lease?.spec) !== JSON.stringify(lease?.spec);
  return { lease, changedAt: changed ? monotonic : before.changedAt };
}

/** What to do with the Lease. Another's is taken over only when it did not change for as long as it lasts. */
export function decideLease(
  claim: LeaseClaim,
  { lease, changedAt }: LeaseObservation,
  time: { readonly now: number; readonly monotonic: number },
): LeaseDecision {
  const renewTime = microTime(time.now);
  const ours = {
    holderIdentity: claim.identity,
    leaseDurationSeconds: Math.ceil(claim.leaseDurationMs / 1_000),
    renewTime,
  };
  if (lease === undefined) {
    const spec = { ...ours, acquireTime: renewTime, leaseTransitions: 0 };
    return { do: "create", lease: { apiVersion: apiVersionOf(LEASES), kind: LEASES.kind, metadata: claim.key, spec } };
  }
  const holder = lease.spec?.holderIdentity ?? "";
  if (holder === claim.identity) {
    return { do: "update", because: "mine", lease: { ...lease, spec: { ...lease.spec, ...ours } } };
  }
  const lasts = (lease.spec?.leaseDurationSeconds ?? 0) * 1_000;
  if (holder !== "" && time.monotonic - changedAt < lasts) return { do: "wait", holder };
  const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
  return {
    do: "update",
    because: holder === "" ? "released" : "expired",
    lease: { ...lease, spec: { ...lease.spec, ...ours, acquireTime: renewTime, leaseTransitions } },
  };
}

/** The Lease as a leader leaves it: nobody has to wait for it to expire. */
export function releasedLease(lease: Lease, now: number): Lease {
  const time = microTime(now);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: time, acquireTime: time },
  };
}

/** RFC 3339 with microseconds, the form of MicroTime. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}
