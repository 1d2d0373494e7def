import { describe, expect, it } from "vitest";
import { createProfiler } from "./process.ts";

const never = new AbortController().signal;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("createProfiler()", () => {
  it("tells functions and sizes but no values", async () => {
    const secret = `secret-${"x".repeat(20)}`;
    const kept: string[] = [];
    const taking = createProfiler().heapProfile(0.2, "all", never);
    for (let index = 0; index < 200_000; index++) kept.push(`${secret}${index}`);
    const profile = text(await taking);
    expect(JSON.parse(profile)).toMatchObject({ head: { callFrame: { functionName: "(root)" } } });
    expect(profile).not.toContain(secret);
    expect(kept).toHaveLength(200_000);
  });

  it("takes one at a time, and another after that", async () => {
    const profiler = createProfiler();
    const first = profiler.cpuProfile(0.05, never);
    await expect(profiler.heapProfile(0.05, "in-use", never)).rejects.toMatchObject({ code: "Conflict" });
    expect(JSON.parse(text(await first))).toHaveProperty("nodes");
    expect(JSON.parse(text(await profiler.heapProfile(0.05, "in-use", never)))).toHaveProperty("head");
  });
});
