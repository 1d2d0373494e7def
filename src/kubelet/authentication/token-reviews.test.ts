import { describe, expect, it } from "vitest";
import { StatusError } from "../../api/status-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createTokenReviews } from "./token-reviews.ts";

const random = { bytes: () => new Uint8Array(), uuid: () => "", fraction: () => 0 };
const never = { signal: new AbortController().signal };

function failure(code: number): StatusError {
  return new StatusError({ status: "Failure", code, message: `code ${code}` });
}

/** An API server that knows the token "good" and fails as told first. */
function cluster(failures: readonly unknown[] = []) {
  const asked: string[] = [];
  const clock = createFakeClock();
  const left = [...failures];
  const create = async (_resource: unknown, object: unknown) => {
    const { spec } = object as { readonly spec: { readonly token: string } };
    asked.push(spec.token);
    const next = left.shift();
    if (next !== undefined) throw next;
    const status =
      spec.token === "good"
        ? { authenticated: true, user: { username: "jane", uid: "u", groups: ["dev"], extra: { k: ["v"] } } }
        : { user: {}, error: "invalid bearer token" };
    return { ...(object as object), status };
  };
  const client = { create } as unknown as Pick<ClusterClient, "create">;
  return { review: createTokenReviews({ client, clock, random }, { cacheMs: 120_000 }), asked, clock };
}

describe("createTokenReviews", () => {
  it("tells whose token it is", async () => {
    const { review } = cluster();
    expect(await review("good", never)).toEqual({
      type: "known",
      user: { name: "jane", uid: "u", groups: ["dev"], extra: { k: ["v"] } },
    });
    expect(await review("bad", never)).toEqual({ type: "unknown" });
  });

  it("asks once for good and for bad tokens until the time is over", async () => {
    const { review, asked, clock } = cluster();
    const first = await review("good", never);
    await review("bad", never);
    await clock.advance(119_000);
    expect(await review("good", never)).toBe(first);
    await review("bad", never);
    expect(asked).toEqual(["good", "bad"]);
    await clock.advance(2_000);
    await review("good", never);
    expect(asked).toHaveLength(3);
  });

  it("shares one review among all who ask at the same time", async () => {
    const { review, asked } = cluster();
    await Promise.all(Array.from({ length: 20 }, async () => await review("good", new AbortController())));
    expect(asked).toEqual(["good"]);
  });

  it("does not let one caller that goes away spoil it for the others", async () => {
    const { review } = cluster();
    const leaving = new AbortController();
    const gone = review("good", leaving);
    const stays = review("good", never);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    expect((await stays).type).toBe("known");
  });

  it("tries again when the server is overloaded, with growing pauses", async () => {
    const { review, asked, clock } = cluster([failure(500), failure(429), failure(504)]);
    const answer = review("good", never);
    for (const pause of [500, 750, 1125]) {
      // One sleeps between attempts, one is the time limit of the whole lookup.
      await clock.untilSleepers(2);
      await clock.advance(pause);
    }
    expect((await answer).type).toBe("known");
    expect(asked).toHaveLength(4);
  });

  it("gives up after five attempts and remembers nothing of it", async () => {
    const { review, asked, clock } = cluster(Array.from({ length: 5 }, () => failure(500)));
    const answer = expect(review("good", never)).rejects.toThrow("code 500");
    await clock.untilSleepers(2);
    await clock.advance(10_000);
    await answer;
    expect(asked).toHaveLength(5);
    expect((await review("good", never)).type).toBe("known");
  });

  it.each([401, 403, 404])("takes %d for an answer", async (code) => {
    const { review, asked } = cluster([failure(code)]);
    await expect(review("good", never)).rejects.toThrow(`code ${code}`);
    expect(asked).toHaveLength(1);
  });

  it("gives up after half a minute", async () => {
    const clock = createFakeClock();
    const create = async (_resource: unknown, _object: unknown, signal: AbortSignal) =>
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason);
        });
      });
    const client = { create } as unknown as Pick<ClusterClient, "create">;
    const review = createTokenReviews({ client, clock, random }, { cacheMs: 1 });
    const answer = expect(review("good", never)).rejects.toThrow("no answer within 30000 ms");
    await clock.untilSleepers(1);
    await clock.advance(30_000);
    await answer;
  });

  it("does not let questions without answers pile up", async () => {
    const clock = createFakeClock();
    const create = (_resource: unknown, _object: unknown, signal: AbortSignal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const client = { create } as unknown as Pick<ClusterClient, "create">;
    const review = createTokenReviews({ client, clock, random }, { cacheMs: 1 });
    const waiting = Array.from({ length: 1_024 }, (_, index) => review(`token-${index}`, new AbortController()));
    for (const one of waiting) one.catch(() => undefined);
    await expect(review("one-more", never)).rejects.toMatchObject({ code: "ResourceExhausted" });
    // Who asks the same as somebody before waits with him.
    const shared = expect(review("token-5", never)).rejects.toThrow("no answer within 30000 ms");
    await clock.untilSleepers(1_024);
    await clock.advance(30_000);
    await shared;
  });
});
