import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { hasReason } from "./answer-error.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { decideLease, type LeaseObservation, observeLease, releasedLease } from "./lease-decision.ts";
import { linkAbort } from "./linked-abort.ts";
import { LEASES } from "./resources.ts";
import { runUnits, type Unit } from "./unit.ts";

export interface LeaderElectionDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface LeaderElectionOptions {
  /** Lease to hold, e.g. kube-system/kube-controller-manager. */
  readonly namespace: string;
  readonly name: string;
  /** Differs for each process. */
  readonly identity: string;
  /** Others wait this long after the last renewal they saw. @default 15_000 */
  readonly leaseDurationMs?: number;
  /** The leader gives up when it could not renew for so long. @default 10_000 */
  readonly renewDeadlineMs?: number;
  /** Between tries. @default 2_000 */
  readonly retryPeriodMs?: number;
}

/**
 * Runs a unit while holding a Lease. Waiting to lead counts as ready. Losing the Lease stops the unit and then fails with
 * OrlopError Unavailable, as a process that led should start afresh. On a stop it hands the Lease back.
 */
export function createLeaderElected(deps: LeaderElectionDeps, options: LeaderElectionOptions, unit: Unit): Unit {
  const { client, clock, random } = deps;
  const { namespace, name, identity } = options;
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs)) {
    throw new RangeError("leaseDuration must be longer than renewDeadline, and that longer than retryPeriod");
  }
  const log = deps.log.with({ lease: `${namespace}/${name}` });
  const key = { namespace, name };
  let observed: LeaseObservation | undefined;

  /** One try to get or keep the Lease, given up after a while: a server that does not answer must not be waited for. */
  const tryHold = async (outer: AbortSignal, limitMs: number): Promise<boolean> => {
    const link = linkAbort(outer);
    const late = clock.sleep(limitMs, link.signal).then(
      () => link.abort(new OrlopError("Timeout", `there was no answer within ${Math.round(limitMs / 1_000)} s`)),
      () => undefined,
    );
    try {
      return await ask(link.signal);
    } finally {
      link.release();
      link.abort();
      await late;
    }
  };

  /** @returns whether the Lease is ours */
  const ask = async (signal: AbortSignal): Promise<boolean> => {
    const current = await client.get(LEASES, key, signal).catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return undefined;
      throw reason;
    });
    observed = observeLease(observed, current, clock.monotonic());
    const me = { identity, leaseDurationMs, key };
    const decision = decideLease(me, observed, { now: clock.now(), monotonic: clock.monotonic() });
    switch (decision.do) {
      case "wait":
        log.debug("held by another", { holder: decision.holder });
        return false;
      case "create":
        observed = observeLease(observed, await client.create(LEASES, decision.lease, signal), clock.monotonic());
        return true;
      case "update":
        observed = observeLease(observed, await client.update(LEASES, decision.lease, signal), clock.monotonic());
        return true;
    }
  };

  const acquire = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const held = await tryHold(signal, renewDeadlineMs).catch((reason: unknown) => {
        if (!signal.aborted) log.debug("could not get the lease", { error: messageOf(reason) });
        return false;
      });
      if (held) return;
      await clock.sleep(retryPeriodMs * (1 + 1.2 * random.fraction()), signal);
    }
    signal.throwIfAborted();
  };

  /** Renews until it fails for too long or is told to stop. */
  const renew = async (signal: AbortSignal): Promise<"lost" | "stopped"> => {
    let renewedAt = clock.monotonic();
    const left = (): number => renewedAt + renewDeadlineMs - clock.monotonic();
    while (!signal.aborted) {
      await clock.sleep(Math.min(retryPeriodMs, left()), signal).catch(() => undefined);
      if (signal.aborted) return "stopped";
      // From when it is asked for: others count from when the server wrote it.
      const begun = clock.monotonic();
      const held =
        left() > 0 &&
        (await tryHold(signal, left()).catch((reason: unknown) => {
          if (!signal.aborted) log.warn("could not renew the lease", { error: messageOf(reason) });
          return "unknown" as const;
        }));
      if (held === false) return "lost";
      if (held === true) renewedAt = begun;
    }
    return "stopped";
  };

  const release = async (): Promise<void> => {
    const lease = observed?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    const limit = new AbortController();
    const timer = clock.sleep(1_000, limit.signal).then(
      () => limit.abort(new OrlopError("Timeout", "Handing back the lease took too long")),
      () => undefined,
    );
    await client
      .update(LEASES, releasedLease(lease, clock.now()), limit.signal)
      .catch((reason: unknown) => log.debug("could not hand back the lease", { error: messageOf(reason) }));
    limit.abort();
    await timer;
  };

  return {
    name: `${unit.name} with leader election`,
    async run(signal, ready) {
      ready();
      try {
        await acquire(signal);
      } catch (reason) {
        if (signal.aborted) return;
        throw reason;
      }
      log.info("leading", { identity });
      const stop = new AbortController();
      const onAbort = (): void => stop.abort(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const leading = runUnits([unit], stop.signal).finally(() => stop.abort());
      leading.catch(() => undefined); // thrown below, once renewing has ended
      const ended = await renew(stop.signal);
      stop.abort();
      signal.removeEventListener("abort", onAbort);
      await leading;
      if (ended === "lost") {
        throw new OrlopError("Unavailable", `Leadership was lost: the lease ${namespace}/${name} could not be renewed`);
      }
      await release();
    },
  };
}
