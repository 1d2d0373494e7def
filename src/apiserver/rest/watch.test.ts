import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { call, openWatch } from "../../testing/api-calls.ts";
import type { OpenWatch, WatchLine } from "../../testing/api-calls.ts";
import { startTestApiServer } from "../../testing/api-server.ts";
import type { TestApiServer } from "../../testing/api-server.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import type { FakeClock } from "../../testing/fake-clock.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const MERGE = { "content-type": "application/merge-patch+json" };

let api: TestApiServer;
let clock: FakeClock;
const open: OpenWatch[] = [];

beforeEach(async () => {
  clock = createFakeClock();
  api = await startTestApiServer({ clock, server: { history: { maxChanges: 20 } } });
});
afterEach(async () => {
  for (const watch of open.splice(0)) watch.stop();
  await api.stop();
});

async function watch(query: string, path = CONFIG_MAPS): Promise<OpenWatch> {
  const opened = await openWatch(api.connect(), `${path}?watch=true${query === "" ? "" : `&${query}`}`);
  open.push(opened);
  return opened;
}

async function make(name: string, labels: Record<string, string> = {}): Promise<string> {
  const body = { metadata: { name, labels } };
  const answer = await call(api.connect(), "POST", CONFIG_MAPS, { body });
  return String(answer.body.metadata.resourceVersion);
}

async function change(name: string, patch: object): Promise<string> {
  const answer = await call(api.connect(), "PATCH", `${CONFIG_MAPS}/${name}`, { body: patch, headers: MERGE });
  return String(answer.body.metadata.resourceVersion);
}

const brief = ({ type, object }: WatchLine): string => `${type} ${object.metadata.name ?? ""}`.trim();

describe("watch", () => {
  it("goes on from a version, in order, with every change", async () => {
    const from = await make("a");
    const stream = await watch(`resourceVersion=${from}`);
    await make("b");
    await change("a", { data: { x: "1" } });
    await call(api.connect(), "DELETE", `${CONFIG_MAPS}/a`);
    const events = await stream.take(3);
    expect(events.map(brief)).toEqual(["ADDED b", "MODIFIED a", "DELETED a"]);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((left, right) => left - right));
    expect(events[2]?.object.data).toEqual({ x: "1" });
    expect(events[0]?.object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
  });

  it("begins with what exists when no version is given", async () => {
    await make("a");
    await make("b");
    const stream = await watch("");
    expect((await stream.take(2)).map(brief)).toEqual(["ADDED a", "ADDED b"]);
    await make("c");
    expect((await stream.take(1)).map(brief)).toEqual(["ADDED c"]);
  });

  it("marks the end of what existed, and sends bookmarks while nothing happens", async () => {
    await make("a");
    const stream = await watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    const [added, bookmark] = await stream.take(2);
    expect(added && brief(added)).toBe("ADDED a");
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        apiVersion: "v1",
        metadata: {
          annotations: { "k8s.io/initial-events-end": "true" },
          resourceVersion: added?.object.metadata.resourceVersion,
        },
      },
    });
    await call(api.connect(), "POST", "/api/v1/namespaces/default/secrets", { body: { metadata: { name: "s" } } });
    const next = stream.next();
    await clock.advance(60_000);
    const later = await next;
    expect(later?.type).toBe("BOOKMARK");
    expect(Number(later?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(bookmark?.object.metadata.resourceVersion),
    );
  });

  it("shows objects that come to match as added and those that stop as deleted", async () => {
    const from = await make("a", { team: "x" });
    const stream = await watch(`resourceVersion=${from}&labelSelector=team%3Dx`);
    await change("a", { data: { k: "1" } });
    const left = await change("a", { metadata: { labels: { team: "y" } }, data: { k: "2" } });
    await change("a", { data: { k: "3" } });
    await change("a", { metadata: { labels: { team: "x" } } });
    const events = await stream.take(3);
    expect(events.map(brief)).toEqual(["MODIFIED a", "DELETED a", "ADDED a"]);
    expect(events[1]?.object).toMatchObject({
      kind: "ConfigMap",
      data: { k: "1" },
      metadata: { labels: { team: "x" }, resourceVersion: left },
    });
  });

  it("follows one object, and one namespace", async () => {
    await make("a");
    const from = await make("ab");
    await call(api.connect(), "POST", "/api/v1/namespaces", { body: { metadata: { name: "default-2" } } });
    const one = await watch(`resourceVersion=${from}&fieldSelector=metadata.name%3Da`);
    const all = await watch(`resourceVersion=${from}`, "/api/v1/configmaps");
    await call(api.connect(), "POST", "/api/v1/namespaces/default-2/configmaps", { body: { metadata: { name: "a" } } });
    await change("ab", { data: { x: "1" } });
    await change("a", { data: { x: "1" } });
    expect((await one.take(1)).map(brief)).toEqual(["MODIFIED a"]);
    expect((await all.take(3)).map(({ object }) => object.metadata.namespace)).toEqual([
      "default-2",
      "default",
      "default",
    ]);
  });

  it("follows one namespace by its old path", async () => {
    const stream = await openWatch(api.connect(), "/api/v1/watch/namespaces/default");
    open.push(stream);
    expect((await stream.take(1)).map(brief)).toEqual(["ADDED default"]);
  });

  it("says that a version is too old, as an event", async () => {
    const from = await make("a");
    for (let index = 0; index < 25; index++) await change("a", { data: { x: String(index) } });
    const stream = await watch(`resourceVersion=${from}`);
    const event = await stream.next();
    expect(event).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
    expect(event?.object.message).toMatch(/^too old resource version: \d+ \(\d+\)$/);
    expect(await stream.next()).toBeUndefined();
  });

  it("lets go of a reader that is too slow, and of nobody else", async () => {
    const from = await make("a");
    const slow = await watch(`resourceVersion=${from}`);
    const fast = await watch(`resourceVersion=${from}`);
    await change("a", { data: { x: "first" } });
    await slow.take(1);
    await fast.take(1);
    for (let index = 0; index < 60; index++) {
      await change("a", { data: { x: String(index) } });
      expect((await fast.take(1)).map(brief)).toEqual(["MODIFIED a"]);
    }
    const seen: string[] = [];
    for (let event = await slow.next(); event !== undefined; event = await slow.next()) seen.push(event.type);
    expect(seen.at(-1)).toBe("ERROR");
    expect(seen.length).toBeLessThan(30);
  });

  it("ends after its time, when the client leaves, and when the server stops", async () => {
    const timed = await watch("timeoutSeconds=5");
    const ended = timed.next();
    await clock.advance(5_000);
    expect(await ended).toBeUndefined();

    const left = await watch("");
    const waiting = left.next();
    left.stop();
    await expect(waiting).rejects.toThrow();

    const stopped = await watch("");
    const last = stopped.next();
    await api.stop();
    expect(await last).toBeUndefined();
  });

  it("sends tables, with the columns once", async () => {
    const from = await make("a");
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const stream = await openWatch(api.connect(), `${CONFIG_MAPS}?watch=true&resourceVersion=${from}`, { accept });
    open.push(stream);
    await make("b");
    await make("c");
    const [first, second] = await stream.take(2);
    expect(first?.object).toMatchObject({ kind: "Table", rows: [{ cells: ["b", 0, "0s"] }] });
    expect(first?.object.columnDefinitions).toHaveLength(3);
    expect(second?.object.columnDefinitions).toBeNull();
  });

  it.each([
    ["sendInitialEvents=true", 422],
    ["resourceVersionMatch=NotOlderThan", 422],
    ["resourceVersion=abc", 400],
    ["labelSelector=a%3D%3D%3D", 400],
    ["fieldSelector=spec.nope%3Dx", 400],
    ["timeoutSeconds=soon", 400],
  ])("refuses %s", async (query, code) => {
    const answer = await call(api.connect(), "GET", `${CONFIG_MAPS}?watch=true&${query}`);
    expect(answer.status).toBe(code);
  });
});

describe("list", () => {
  const names = async (query: string): Promise<readonly string[]> => {
    const { body } = await call(api.connect(), "GET", `${CONFIG_MAPS}?${query}`);
    return body.items.map((each: { metadata: { name: string } }) => each.metadata.name);
  };

  it("goes on consistently from page to page", async () => {
    for (const name of ["a", "b", "c", "d"]) await make(name);
    const first = await call(api.connect(), "GET", `${CONFIG_MAPS}?limit=2`);
    expect(first.body.metadata.remainingItemCount).toBe(2);
    await make("bb");
    await call(api.connect(), "DELETE", `${CONFIG_MAPS}/c`);
    const token = String(first.body.metadata.continue);
    const second = await call(api.connect(), "GET", `${CONFIG_MAPS}?limit=2&continue=${token}`);
    expect(second.body.items.map((each: { metadata: { name: string } }) => each.metadata.name)).toEqual(["c", "d"]);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    expect(second.body.metadata.continue).toBeUndefined();
  });

  it("says when the first page is too long ago, with a token that goes on anyway", async () => {
    for (const name of ["a", "b", "c"]) await make(name);
    const first = await call(api.connect(), "GET", `${CONFIG_MAPS}?limit=1`);
    for (let index = 0; index < 25; index++) await change("a", { data: { x: String(index) } });
    const late = await call(api.connect(), "GET", `${CONFIG_MAPS}?limit=1&continue=${first.body.metadata.continue}`);
    expect(late.status).toBe(410);
    expect(late.body.reason).toBe("Expired");
    expect(await names(`continue=${late.body.metadata.continue}`)).toEqual(["b", "c"]);
  });

  it("shows the past when asked for exactly that", async () => {
    const before = await make("a");
    await make("b");
    expect(await names(`resourceVersion=${before}&resourceVersionMatch=Exact`)).toEqual(["a"]);
    expect(await names(`resourceVersion=${before}&resourceVersionMatch=NotOlderThan`)).toEqual(["a", "b"]);
    expect(await names("resourceVersion=0")).toEqual(["a", "b"]);
  });

  it("waits for a version that is coming, but not for ever", async () => {
    const now = Number(await make("a"));
    const coming = names(`resourceVersion=${now + 1}`);
    await make("b");
    expect(await coming).toEqual(["a", "b"]);
    const never = call(api.connect(), "GET", `${CONFIG_MAPS}?resourceVersion=${now + 1_000}`);
    await clock.advance(3_000);
    const { status, body } = await never;
    expect(status).toBe(504);
    expect(body.message).toBe(`Timeout: Too large resource version: ${now + 1_000}, current: ${now + 1}`);
    expect(body.details.causes[0].reason).toBe("ResourceVersionTooLarge");
  });

  it("waits in the same way for one object", async () => {
    const now = Number(await make("a"));
    const coming = call(api.connect(), "GET", `${CONFIG_MAPS}/b?resourceVersion=${now + 1}`);
    await make("b");
    expect((await coming).body.metadata.name).toBe("b");
    const never = call(api.connect(), "GET", `${CONFIG_MAPS}/a?resourceVersion=${now + 1_000}`);
    await clock.advance(3_000);
    const { status, body } = await never;
    expect([status, body.details.causes[0].reason]).toEqual([504, "ResourceVersionTooLarge"]);
    expect((await call(api.connect(), "GET", `${CONFIG_MAPS}/a?resourceVersion=x`)).status).toBe(400);
  });

  it("selects by labels and fields", async () => {
    await make("a", { team: "x", tier: "1" });
    await make("b", { team: "y" });
    await make("c");
    expect(await names("labelSelector=team")).toEqual(["a", "b"]);
    expect(await names("labelSelector=team%20in%20(x,z),tier")).toEqual(["a"]);
    expect(await names("labelSelector=!team")).toEqual(["c"]);
    expect(await names("fieldSelector=metadata.name!%3Da")).toEqual(["b", "c"]);
    expect(await names("fieldSelector=metadata.name%3Db")).toEqual(["b"]);
  });

  it.each([
    "continue=garbage",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIifQ",
    "resourceVersion=-1",
    "limit=x",
  ])("refuses %s", async (query) => {
    expect((await call(api.connect(), "GET", `${CONFIG_MAPS}?${query}`)).status).toBe(400);
  });

  it("can not be led out of its namespace by a token", async () => {
    await call(api.connect(), "POST", "/api/v1/namespaces", { body: { metadata: { name: "zzz" } } });
    await call(api.connect(), "POST", "/api/v1/namespaces/zzz/configmaps", { body: { metadata: { name: "secret" } } });
    await make("a");
    const token = btoa(JSON.stringify({ v: "meta.k8s.io/v1", rv: -1, start: "../zzz/\0" })).replaceAll("=", "");
    expect(await names(`continue=${token}`)).toEqual(["a"]);
    const after = btoa(JSON.stringify({ v: "meta.k8s.io/v1", rv: -1, start: "zzzzzz\0" })).replaceAll("=", "");
    expect(await names(`continue=${after}`)).toEqual([]);
  });
});
