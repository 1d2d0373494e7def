import { describe, expect, it } from "vitest";
import type { SubjectAccessReview } from "../../api/types.ts";
import { nodeAttributes } from "../../core/authz/kubelet-request.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { createAccessReviews } from "./access-reviews.ts";

const random = { bytes: () => new Uint8Array(), uuid: () => "", fraction: () => 0 };
const at = (path: string) => ({ path, signal: new AbortController().signal });
const jane = { name: "jane", uid: "u", groups: ["dev"], extra: { k: ["v"] } };

function cluster(answer: (spec: SubjectAccessReview["spec"]) => SubjectAccessReview["status"]) {
  const asked: SubjectAccessReview["spec"][] = [];
  const clock = createFakeClock();
  const create = async (_resource: unknown, object: unknown) => {
    const { spec } = object as SubjectAccessReview;
    asked.push(spec);
    return { spec, status: answer(spec) };
  };
  const client = { create } as unknown as Pick<ClusterClient, "create">;
  const review = createAccessReviews({ client, clock, random }, { cacheAllowedMs: 300_000, cacheRefusedMs: 30_000 });
  return { review, asked, clock };
}

describe("createAccessReviews", () => {
  it("asks with everything known about the user, and nothing about namespaces", async () => {
    const { review, asked } = cluster(() => ({ allowed: true }));
    await review(nodeAttributes(jane, "get", "metrics", "node-1"), at("/metrics"));
    expect(asked).toEqual([
      {
        user: "jane",
        uid: "u",
        groups: ["dev"],
        extra: { k: ["v"] },
        resourceAttributes: { verb: "get", version: "v1", resource: "nodes", subresource: "metrics", name: "node-1" },
      },
    ]);
  });

  it.each([
    [
      { allowed: true, reason: "r" },
      { decision: "allow", reason: "r" },
    ],
    [
      { allowed: false, denied: true },
      { decision: "deny", reason: "" },
    ],
    [
      { allowed: false, evaluationError: "x" },
      { decision: "no-opinion", reason: "" },
    ],
  ])("reads %j", async (status, decision) => {
    const { review } = cluster(() => status);
    expect(await review(nodeAttributes(jane, "get", "pods", "n"), at("/pods"))).toEqual(decision);
  });

  it("takes a contradiction for a failure", async () => {
    const { review } = cluster(() => ({ allowed: true, denied: true }));
    await expect(review(nodeAttributes(jane, "get", "pods", "n"), at("/pods"))).rejects.toThrow(
      "webhook subject access review returned both allow and deny response",
    );
  });

  it("remembers allowed for five minutes and refused for half a minute", async () => {
    const { review, asked, clock } = cluster(({ resourceAttributes }) => ({
      allowed: resourceAttributes?.subresource === "proxy",
    }));
    const both = async (): Promise<void> => {
      await review(nodeAttributes(jane, "get", "pods", "n"), at("/pods"));
      await review(nodeAttributes(jane, "get", "proxy", "n"), at("/pods"));
    };
    await both();
    await both();
    expect(asked).toHaveLength(2);
    await clock.advance(31_000);
    await both();
    expect(asked.map(({ resourceAttributes }) => resourceAttributes?.subresource)).toEqual(["pods", "proxy", "pods"]);
    await clock.advance(270_000);
    await both();
    expect(asked).toHaveLength(5);
  });

  it("never lets one verb, user or group stand for another", async () => {
    const { review, asked } = cluster(() => ({ allowed: true }));
    await review(nodeAttributes(jane, "get", "proxy", "n"), at("/exec"));
    await review(nodeAttributes(jane, "create", "proxy", "n"), at("/exec"));
    await review(nodeAttributes({ ...jane, name: "joe" }, "get", "proxy", "n"), at("/exec"));
    await review(nodeAttributes({ ...jane, groups: [] }, "get", "proxy", "n"), at("/exec"));
    await review(nodeAttributes({ ...jane, extra: {} }, "get", "proxy", "n"), at("/exec"));
    expect(asked).toHaveLength(5);
  });

  it("remembers nothing of very long paths", async () => {
    const { review, asked } = cluster(() => ({ allowed: true }));
    const path = `/exec/${"x".repeat(10_000)}`;
    await review(nodeAttributes(jane, "create", "proxy", "n"), at(path));
    await review(nodeAttributes(jane, "create", "proxy", "n"), at(path));
    expect(asked).toHaveLength(2);
  });
});
