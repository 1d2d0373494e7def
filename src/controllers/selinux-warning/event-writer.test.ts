import { describe, expect, it } from "vitest";
import { StatusError } from "../../api/status-error.ts";
import type { CoreEvent } from "../../api/types.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { quietLog, seededRandom } from "../../testing/quiet.ts";
import { createEventWriter, type NamedOccurrence } from "./event-writer.ts";

const signal = new AbortController().signal;

function occurrence(number: number): NamedOccurrence {
  return {
    involvedObject: { kind: "Pod", namespace: "ns", name: `p-${number}`, uid: `uid-${number}` },
    type: "Normal",
    reason: "SELinuxLabelConflict",
    message: "a conflict",
    identity: `uid-${number}/SELinuxLabel/other`,
  };
}

function setting() {
  const events = new Map<string, CoreEvent>();
  const writtenAt: number[] = [];
  const clock = createFakeClock();
  const client = {
    create: async (_: unknown, event: CoreEvent) => {
      const name = event.metadata.name ?? "";
      if (events.has(name)) {
        const status = { kind: "Status", status: "Failure", code: 409, reason: "AlreadyExists", message: "" } as const;
        throw new StatusError(status);
      }
      writtenAt.push(clock.monotonic());
      events.set(name, event);
      return event;
    },
    patch: async (_: unknown, { name }: { readonly name: string }, { value }: { readonly value: object }) => {
      events.set(name, { ...(events.get(name) as CoreEvent), ...value });
    },
  } as unknown as Pick<ClusterClient, "create" | "patch">;
  const write = createEventWriter({ client, clock, random: seededRandom(3), log: quietLog() });
  return { events, writtenAt, clock, write };
}

describe("createEventWriter()", () => {
  it("writes five hundred at once and fifty a second after that, and leaves out none", async () => {
    const { events, writtenAt, clock, write } = setting();
    const all = Promise.all(Array.from({ length: 800 }, (_, number) => write(occurrence(number), signal)));
    await clock.advance(0);
    expect(events.size).toBe(500);
    await clock.advance(1_000);
    expect(events.size).toBe(550);
    await clock.advance(5_000);
    expect(await all).toEqual(Array.from({ length: 800 }, () => true));
    expect(events.size).toBe(800);
    expect(writtenAt.at(-1)).toBe(6_000);
  });

  it("tells the same thing under the same name, and renews it", async () => {
    const { events, clock, write } = setting();
    await write(occurrence(1), signal);
    const [first] = events.values();
    await clock.advance(60_000);
    await write({ ...occurrence(1), message: "a conflict with more" }, signal);
    expect(events.size).toBe(1);
    const [renewed] = events.values();
    expect(renewed).toMatchObject({
      firstTimestamp: first?.firstTimestamp,
      message: "a conflict with more",
      lastTimestamp: "2026-01-01T00:01:00Z",
    });
    await write({ ...occurrence(1), identity: "something else" }, signal);
    expect(events.size).toBe(2);
  });

  it("stays within the length of names", async () => {
    const { events, write } = setting();
    const name = `${"a".repeat(235)}.${"b".repeat(17)}`;
    await write({ ...occurrence(1), involvedObject: { ...occurrence(1).involvedObject, name } }, signal);
    expect([...events.keys()][0]).toMatch(/^a{235}\.[0-9a-f]{16}$/);
  });
});
