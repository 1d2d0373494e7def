import { afterEach, describe, expect, it } from "vitest";
import { StatusError } from "../api/status-error.ts";
import type { Node } from "../api/types.ts";
import { OrlopError } from "../lib/orlop-error.ts";
import { createFakeClock, settle, type FakeClock } from "../testing/fake-clock.ts";
import type { ClusterClient, ListOptions, ListResult, WatchEvent, WatchOptions } from "./cluster-client.ts";
import { createInformer, type Informer } from "./informer.ts";
import { NODES } from "./resources.ts";
import { quietLog, seededRandom } from "../testing/quiet.ts";

const node = (name: string, resourceVersion: string): Node => ({ metadata: { name, resourceVersion, uid: name } });

interface Watch {
  readonly options: WatchOptions;
  send(event: WatchEvent<Node>): Promise<void>;
  end(reason?: unknown): Promise<void>;
}

/** A server of which each list and watch is answered by hand. */
function scriptedClient(): {
  client: ClusterClient;
  lists: ListOptions[];
  watches: Watch[];
  answer(result: ListResult<Node> | Error): void;
} {
  const lists: ListOptions[] = [];
  const watches: Watch[] = [];
  const answers: (ListResult<Node> | Error)[] = [];
  const client = {
    async list(_: unknown, options: ListOptions) {
      lists.push(options);
      const answer = answers.shift() ?? new OrlopError("Unavailable", "no server");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async *watch(_: unknown, options: WatchOptions, signal: AbortSignal) {
      const events: (WatchEvent<Node> | { readonly end: unknown })[] = [];
      let wake = (): void => undefined;
      const push = async (event: (typeof events)[number]): Promise<void> => {
        events.push(event);
        wake();
        await settle();
      };
      signal.addEventListener("abort", () => wake());
      watches.push({ options, send: push, end: (reason) => push({ end: reason }) });
      while (!signal.aborted) {
        const event = events.shift();
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else if ("end" in event) {
          if (event.end !== undefined) throw event.end;
          return;
        } else yield event;
      }
    },
  } as unknown as ClusterClient;
  return { client, lists, watches, answer: (result) => answers.push(result) };
}

describe("createInformer()", () => {
  let stop = new AbortController();
  let running: Promise<void> | undefined;
  afterEach(async () => {
    stop.abort();
    await running;
  });

  function start(client: ClusterClient): {
    informer: Informer<Node>;
    clock: FakeClock;
    changes: string[];
    isReady: () => boolean;
  } {
    const clock = createFakeClock();
    const informer = createInformer({ client, clock, random: seededRandom(1), log: quietLog() }, { resource: NODES });
    const changes: string[] = [];
    informer.onChange(({ type, key }) => changes.push(`${type} ${key}`));
    let ready = false;
    stop = new AbortController();
    running = informer.run(stop.signal, () => {
      ready = true;
    });
    return { informer, clock, changes, isReady: () => ready };
  }

  it("lists by pages, watches, and survives expiry, failures and relists", async () => {
    const { client, lists, watches, answer } = scriptedClient();
    const { informer, clock, changes, isReady } = start(client);
    await settle();
    expect(isReady()).toBe(false); // the server was away

    answer({ metadata: { resourceVersion: "10", continue: "more" }, items: [node("a", "1")] });
    answer({ metadata: { resourceVersion: "10" }, items: [node("b", "2")] });
    await clock.advance(1_000);
    expect(isReady()).toBe(true);
    expect(lists.at(-1)).toMatchObject({ continue: "more" });
    expect(informer.reader.list().map(({ metadata }) => metadata?.name)).toEqual(["a", "b"]);
    expect(watches[0]?.options).toMatchObject({ resourceVersion: "10", allowWatchBookmarks: true });

    await watches[0]?.send({ type: "MODIFIED", object: node("a", "11") });
    await watches[0]?.send({ type: "BOOKMARK", object: node("", "15") });
    await watches[0]?.end(new OrlopError("Unavailable", "broke off"));
    await clock.advance(1_000);
    expect(watches[1]?.options).toMatchObject({ resourceVersion: "15" });

    answer({ metadata: { resourceVersion: "30" }, items: [node("a", "11"), node("c", "25")] });
    await watches[1]?.send({ type: "DELETED", object: node("b", "16") });
    await watches[1]?.end(new StatusError({ kind: "Status", code: 410, reason: "Expired" }));
    await settle();
    expect(watches[2]?.options).toMatchObject({ resourceVersion: "30" });
    expect(changes).toEqual(["added a", "added b", "updated a", "deleted b", "added c"]);
    expect(informer.reader.get("c")).toBeDefined();
  });

  it("gives up a watch that goes on long after its time, and watches on from where it was", async () => {
    const { client, watches, answer } = scriptedClient();
    answer({ metadata: { resourceVersion: "10" }, items: [] });
    const { informer, clock } = start(client);
    await settle();
    await watches[0]?.send({ type: "ADDED", object: node("a", "12") });
    const { timeoutSeconds = 0 } = watches[0]?.options ?? {};
    await clock.advance(timeoutSeconds * 1_000);
    expect(watches).toHaveLength(1);
    await clock.advance(60_000);
    expect(watches).toHaveLength(2);
    expect(watches[1]?.options).toMatchObject({ resourceVersion: "12" });
    await watches[1]?.send({ type: "ADDED", object: node("b", "13") });
    expect(informer.reader.size).toBe(2);
  });

  it("tells a late listener of what is there, and drops managedFields", async () => {
    const { client, answer } = scriptedClient();
    answer({
      metadata: { resourceVersion: "1" },
      items: [{ metadata: { name: "a", managedFields: [{ manager: "x" }] } }],
    });
    const { informer } = start(client);
    await settle();
    const seen: unknown[] = [];
    informer.onChange((change) => seen.push(change));
    expect(seen).toEqual([{ type: "added", key: "a", object: { metadata: { name: "a" } } }]);
  });
});
