import { describe, expect, it } from "vitest";
import type { Attributes, Authorizer, Decision } from "./attributes.ts";
import { allowPrivilegedGroup, unionAuthorizer } from "./union-authorizer.ts";

const never = new AbortController().signal;
const asked = (path: string, ...groups: string[]): Attributes => ({
  type: "non-resource",
  user: { name: "jane", groups, extra: {} },
  verb: "get",
  path,
});
const says =
  (decision: Decision["decision"], reason = ""): Authorizer =>
  async () => ({ decision, reason });
const fails: Authorizer = () => Promise.reject(new Error("away"));

describe("unionAuthorizer", () => {
  it.each([
    { of: [says("no-opinion"), says("allow", "a"), says("deny", "d")], answer: { decision: "allow", reason: "a" } },
    { of: [says("no-opinion"), says("deny", "d"), says("allow", "a")], answer: { decision: "deny", reason: "d" } },
    {
      of: [says("no-opinion", "x"), says("no-opinion"), says("no-opinion", "y")],
      answer: { decision: "no-opinion", reason: "x\ny" },
    },
    { of: [fails, says("allow", "a")], answer: { decision: "allow", reason: "a" } },
    { of: [], answer: { decision: "no-opinion", reason: "" } },
  ])("answers $answer", async ({ of, answer }) => {
    expect(await unionAuthorizer(of)(asked("/x"), never)).toEqual(answer);
  });

  it("throws rather than saying no when one could not tell and nobody allowed", async () => {
    await expect(unionAuthorizer([fails, says("no-opinion")])(asked("/x"), never)).rejects.toThrow("away");
  });
});

describe("what is allowed without RBAC", () => {
  it("is everything for system:masters", async () => {
    expect((await allowPrivilegedGroup(asked("/x", "system:masters"), never)).decision).toBe("allow");
    expect((await allowPrivilegedGroup(asked("/x", "masters"), never)).decision).toBe("no-opinion");
  });
});
