import { describe, expect, it } from "vitest";
import { conflict, notFound } from "../../api/status-error.ts";
import type { Pod, PodStatus } from "../../api/types.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog } from "../../testing/quiet.ts";
import { createStatusManager, type StatusManagerDeps } from "./status-manager.ts";

const PODS = { group: "", resource: "pods" };
const RUNNING: PodStatus = { phase: "Running" };

/** One pod at an API server that does what the test says. */
function harness(pod: Pod) {
  const clock = createFakeClock();
  const stop = new AbortController();
  const server: { pod: Pod | undefined; problem: Error | undefined } = { pod, problem: undefined };
  const sent: unknown[] = [];
  const current = (): Pod => {
    if (server.problem !== undefined) throw server.problem;
    if (server.pod === undefined) throw notFound(PODS, "web");
    return server.pod;
  };
  const client = {
    async get() {
      return current();
    },
    async patch(_resource: unknown, _key: unknown, patch: { readonly value: unknown }) {
      const { metadata, status } = patch.value as { metadata: { uid: string }; status: PodStatus };
      const now = current();
      if (metadata.uid !== now.metadata?.uid) throw conflict(PODS, "web", "uid mismatch");
      sent.push(status);
      server.pod = { ...now, status: { ...now.status, ...status } };
      return server.pod;
    },
    async delete(_resource: unknown, _key: unknown, _signal: AbortSignal, options: unknown) {
      current();
      sent.push({ delete: options });
      server.pod = undefined;
    },
  } as unknown as NonNullable<StatusManagerDeps["client"]>;
  const statuses = createStatusManager({ client, clock, log: quietLog() });
  const done = statuses.unit.run(stop.signal, () => undefined);
  return {
    clock,
    server,
    sent,
    statuses,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

const podOf = (changes: Partial<NonNullable<Pod["metadata"]>> = {}, status: PodStatus = {}): Pod => ({
  metadata: { name: "web", namespace: "team", uid: "uid-1", ...changes },
  spec: { containers: [{ name: "app" }] },
  status,
});

describe("createStatusManager()", () => {
  it("sends what people wait for at once, and the rest together a little later", async () => {
    const pod = podOf();
    const { statuses, sent, clock, stop } = harness(pod);
    statuses.set("uid-1", pod, { phase: "Pending", hostIP: "192.0.2.1" });
    statuses.set("uid-1", pod, { phase: "Pending", hostIP: "192.0.2.2" });
    await clock.advance(0);
    expect(sent).toEqual([]);
    await clock.advance(1_000);
    expect(sent).toEqual([{ phase: "Pending", hostIP: "192.0.2.2" }]);
    statuses.set("uid-1", pod, { ...RUNNING, hostIP: "192.0.2.2" });
    await clock.advance(0);
    expect(sent).toHaveLength(2);
    statuses.set("uid-1", pod, { ...RUNNING, hostIP: "192.0.2.2" });
    await clock.advance(60_000);
    expect(sent).toHaveLength(2);
    await stop();
  });

  it("keeps only the newest while the server is away, and sends it when it is back", async () => {
    const pod = podOf();
    const { statuses, sent, clock, server, stop } = harness(pod);
    server.problem = new OrlopError("Unavailable", "away");
    statuses.set("uid-1", pod, RUNNING);
    await clock.advance(60_000);
    statuses.set("uid-1", pod, { phase: "Succeeded" });
    await clock.advance(60_000);
    expect(statuses.get("uid-1")).toEqual({ phase: "Succeeded" });
    server.problem = undefined;
    await clock.advance(10_000);
    expect(sent).toEqual([{ phase: "Succeeded" }]);
    await stop();
  });

  it("deletes a pod that is over and was to be deleted, by its uid, once", async () => {
    const pod = podOf({ deletionTimestamp: "2026-01-01T00:00:00Z" }, RUNNING);
    const { statuses, sent, clock, stop } = harness(pod);
    statuses.set("uid-1", pod, { phase: "Failed" });
    await clock.advance(1_000);
    expect(sent).toEqual([{ phase: "Failed" }]);
    statuses.finish("uid-1", pod, pod);
    await clock.advance(1_000);
    statuses.finish("uid-1", pod, pod);
    await clock.advance(60_000);
    expect(sent.filter((one) => JSON.stringify(one).includes("delete"))).toEqual([
      { delete: { gracePeriodSeconds: 0, preconditions: { uid: "uid-1" } } },
    ]);
    await stop();
  });

  it("does not delete a pod nobody wants deleted", async () => {
    const pod = podOf({}, RUNNING);
    const { statuses, server, clock, stop } = harness(pod);
    statuses.set("uid-1", pod, { phase: "Succeeded" });
    statuses.finish("uid-1", pod, pod);
    await clock.advance(60_000);
    expect(server.pod?.status?.phase).toBe("Succeeded");
    await stop();
  });

  it("does not write into a pod that took the place of another", async () => {
    const pod = podOf();
    const { statuses, sent, clock, server, stop } = harness(pod);
    server.pod = podOf({ uid: "uid-2" });
    statuses.set("uid-1", pod, RUNNING);
    await clock.advance(120_000);
    expect(sent).toEqual([]);
    expect(server.pod.status).toEqual({});
    await stop();
  });

  it("says again what somebody else overwrote", async () => {
    const pod = podOf();
    const { statuses, sent, clock, server, stop } = harness(pod);
    statuses.set("uid-1", pod, RUNNING);
    await clock.advance(0);
    server.pod = podOf({}, { phase: "Pending" });
    statuses.observe("uid-1", server.pod);
    await clock.advance(1_000);
    expect(sent).toEqual([RUNNING, RUNNING]);
    await stop();
  });

  it("forgets a pod that is gone", async () => {
    const pod = podOf();
    const { statuses, sent, clock, stop } = harness(pod);
    statuses.set("uid-1", pod, { phase: "Pending" });
    statuses.forget("uid-1");
    await clock.advance(60_000);
    expect(sent).toEqual([]);
    expect(statuses.get("uid-1")).toBeUndefined();
    await stop();
  });
});
