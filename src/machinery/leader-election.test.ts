import { describe, expect, it } from "vitest";
import { conflict, notFound } from "../api/status-error.ts";
import type { Lease } from "../api/types.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createFakeClock, type FakeClock, settle } from "../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../testing/quiet.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { createLeaderElected } from "./leader-election.ts";
import { decideLease, observeLease } from "./lease-decision.ts";

const RESOURCE = { group: "coordination.k8s.io", resource: "leases" };

/** One Lease with optimistic concurrency. */
function leaseServer(): {
  client: ClusterClient;
  lease: () => Lease | undefined;
  setAway: (away: boolean) => void;
  setSilent: () => void;
} {
  let lease: Lease | undefined;
  let version = 0;
  let away = false;
  let silent = false;
  const reach = async (signal: AbortSignal): Promise<void> => {
    if (away) throw new OrlopError("Unavailable", "away");
    if (!silent) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
  const write = (next: Lease): Lease => {
    version += 1;
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } };
    return lease;
  };
  const client = {
    async get(_: unknown, __: unknown, signal: AbortSignal) {
      await reach(signal);
      if (lease === undefined) throw notFound(RESOURCE, "x");
      return lease;
    },
    async create(_: unknown, next: Lease, signal: AbortSignal) {
      await reach(signal);
      return write(next);
    },
    async update(_: unknown, next: Lease, signal: AbortSignal) {
      await reach(signal);
      if (next.metadata?.resourceVersion !== lease?.metadata?.resourceVersion) throw conflict(RESOURCE, "x", "changed");
      return write(next);
    },
  } as unknown as ClusterClient;
  return {
    client,
    lease: () => lease,
    setAway: (value) => {
      away = value;
    },
    setSilent: () => {
      silent = true;
    },
  };
}

function candidate(identity: string, client: ClusterClient, clock: FakeClock, led: string[]) {
  const stop = new AbortController();
  const elected = createLeaderElected(
    { client, clock, random: seededRandom(identity.length), log: quietLog() },
    { namespace: "kube-system", name: "test", identity },
    {
      name: "work",
      async run(signal, ready) {
        led.push(`${identity} leads`);
        ready();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        led.push(`${identity} stopped`);
      },
    },
  );
  const running = elected.run(stop.signal, () => undefined);
  running.catch(() => undefined);
  return { running, stop: () => stop.abort() };
}

describe("createLeaderElected()", () => {
  it("lets one lead and hands over at once on a clean stop", async () => {
    const { client, lease } = leaseServer();
    const clock = createFakeClock();
    const led: string[] = [];
    const first = candidate("a", client, clock, led);
    await clock.advance(5_000);
    const second = candidate("b", client, clock, led);
    await clock.advance(30_000);
    expect(led).toEqual(["a leads"]);
    first.stop();
    await first.running;
    expect(lease()?.spec?.holderIdentity).toBe("");
    await clock.advance(5_000);
    expect(led).toEqual(["a leads", "a stopped", "b leads"]);
    expect(lease()?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1, leaseDurationSeconds: 15 });
    second.stop();
    await second.running;
  });

  it("stops the work and fails when the lease can not be renewed", async () => {
    const { client, setAway } = leaseServer();
    const clock = createFakeClock();
    const led: string[] = [];
    const { running } = candidate("a", client, clock, led);
    await settle();
    setAway(true);
    await clock.advance(15_000);
    await expect(running).rejects.toMatchObject({ code: "Unavailable" });
    expect(led).toEqual(["a leads", "a stopped"]);
  });

  it("stops before others may lead when the server no longer answers", async () => {
    const { client, setSilent } = leaseServer();
    const clock = createFakeClock();
    const led: string[] = [];
    const { running } = candidate("a", client, clock, led);
    await settle();
    setSilent();
    await clock.advance(10_000);
    expect(led).toEqual(["a leads", "a stopped"]);
    await expect(running).rejects.toMatchObject({ code: "Unavailable" });
  });
});

describe("decideLease()", () => {
  const claim = { identity: "me", leaseDurationMs: 15_000, key: { namespace: "n", name: "l" } };
  const held: Lease = { metadata: { name: "l" }, spec: { holderIdentity: "other", leaseDurationSeconds: 15 } };

  it("waits as long as the other's lease lasts since it was seen to change, then takes over", () => {
    const first = observeLease(undefined, held, 100_000);
    expect(decideLease(claim, first, { now: 0, monotonic: 114_999 })).toEqual({ do: "wait", holder: "other" });
    expect(decideLease(claim, first, { now: 0, monotonic: 115_000 })).toMatchObject({
      do: "update",
      because: "expired",
    });
    const renewed = observeLease(first, { ...held, spec: { ...held.spec, renewTime: "later" } }, 110_000);
    expect(decideLease(claim, renewed, { now: 0, monotonic: 115_000 })).toMatchObject({ do: "wait" });
  });
});
