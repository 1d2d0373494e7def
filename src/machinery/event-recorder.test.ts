import { describe, expect, it } from "vitest";
import { notFound, StatusError } from "../api/status-error.ts";
import type { CoreEvent } from "../api/types.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createFakeClock, settle } from "../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../testing/quiet.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { createEventRecorder, referenceTo } from "./event-recorder.ts";
import { createEventSeries, type Occurrence } from "./event-series.ts";
import { PODS } from "./resources.ts";

const occurrence = (message: string, name = "web"): Occurrence => ({
  involvedObject: referenceTo(PODS, { metadata: { namespace: "apps", name, uid: "u" } }),
  type: "Warning",
  reason: "BackOff",
  message,
});

function start(failures: unknown[] = []) {
  const written: { readonly verb: string; readonly value: Partial<CoreEvent> }[] = [];
  const client = {
    async create(_: unknown, event: CoreEvent) {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      written.push({ verb: "create", value: event });
      return event;
    },
    async patch(_: unknown, key: { name: string }, { value }: { value: Partial<CoreEvent> }) {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      written.push({ verb: `patch ${key.name}`, value });
      return value;
    },
  } as unknown as ClusterClient;
  const clock = createFakeClock();
  const recorder = createEventRecorder(
    { client, clock, random: seededRandom(1), log: quietLog() },
    { component: "kubelet", host: "node-1", queueLimit: 3 },
  );
  const stop = new AbortController();
  const running = recorder.unit.run(stop.signal, () => undefined);
  return {
    recorder,
    written,
    clock,
    async end() {
      stop.abort();
      await running;
    },
  };
}

describe("createEventRecorder()", () => {
  it("creates an event, then counts the same one up", async () => {
    const { recorder, written, clock, end } = start();
    recorder.record(occurrence("failed"));
    await settle();
    await clock.advance(5_000);
    recorder.record(occurrence("failed"));
    await settle();
    await end();
    expect(written[0]?.value).toMatchObject({
      metadata: { namespace: "apps", name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      involvedObject: { kind: "Pod", apiVersion: "v1", name: "web", uid: "u" },
      count: 1,
      firstTimestamp: "2026-01-01T00:00:00Z",
      source: { component: "kubelet", host: "node-1" },
      reportingComponent: "kubelet",
    });
    expect(written[1]).toMatchObject({
      verb: `patch ${written[0]?.value.metadata?.name}`,
      value: { count: 2, lastTimestamp: "2026-01-01T00:00:05Z" },
    });
  });

  it("names events in the order in which it was told of them", async () => {
    const { recorder, written, clock, end } = start();
    for (const message of ["first", "second", "third"]) recorder.record(occurrence(message));
    await settle();
    await clock.advance(1);
    recorder.record(occurrence("fourth"));
    await settle();
    await end();
    const byName = written
      .map(({ value }) => ({ name: value.metadata?.name ?? "", message: value.message }))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
    expect(byName.map(({ message }) => message)).toEqual(["first", "second", "third", "fourth"]);
    expect(new Set(byName.map(({ name }) => name)).size).toBe(4);
  });

  it("makes a new event when the counted one is gone", async () => {
    const { recorder, written, end } = start();
    recorder.record(occurrence("failed"));
    await settle();
    await end();
    const again = start([undefined, notFound({ group: "", resource: "events" }, "x")]);
    again.recorder.record(occurrence("failed"));
    again.recorder.record(occurrence("failed"));
    await settle();
    await again.end();
    expect(again.written.map(({ verb }) => verb)).toEqual(["create", "create"]);
    expect(written).toHaveLength(1);
  });

  it("waits for a server out of reach, drops what the server refuses and what does not fit", async () => {
    const refused = new StatusError({ kind: "Status", code: 403, reason: "Forbidden" });
    const { recorder, written, clock, end } = start([new OrlopError("Unavailable", "away"), undefined, refused]);
    for (const message of ["one", "two", "three", "four", "five"]) recorder.record(occurrence(message));
    await clock.advance(60_000);
    await end();
    expect(written.map(({ value }) => value.message)).toEqual(["one", "three"]);
  });
});

describe("createEventSeries()", () => {
  it("combines events that differ in their message only", () => {
    const series = createEventSeries();
    const messages = Array.from({ length: 12 }, (_, i) => {
      const write = series.decide(occurrence(`message ${i}`), i);
      return write.do === "drop" ? "dropped" : write.occurrence.message;
    });
    expect(messages[8]).toBe("message 8");
    expect(messages[9]).toBe("(combined from similar events): message 9");
    expect(messages[11]).toBe("(combined from similar events): message 11");
  });

  it("lets an object say 25 things at once, then one each five minutes", () => {
    const series = createEventSeries();
    const says = (now: number): string => series.decide(occurrence("failed"), now).do;
    expect(Array.from({ length: 26 }, () => says(0)).filter((write) => write !== "drop")).toHaveLength(25);
    expect(says(299_000)).toBe("drop");
    expect(says(300_000)).toBe("create");
    expect(series.decide(occurrence("failed", "other"), 300_000).do).toBe("create");
  });
});
