import { describe, expect, it } from "vitest";
import { decideImageEviction, type EvictableImage } from "./image-eviction.ts";

const MINUTE = 60_000;
const NOW = 1_000 * MINUTE;
const POLICY = { highPercent: 85, lowPercent: 80, minimumAgeMs: 2 * MINUTE, maximumAgeMs: 0 };

function image(id: string, changes: Partial<EvictableImage> = {}): EvictableImage {
  return { id, sizeBytes: 30, pinned: false, inUse: false, firstSeen: 0, lastUsed: 0, ...changes };
}

const disk = (usedPercent: number) => ({ capacityBytes: 1000, availableBytes: 10 * (100 - usedPercent) });

describe("decideImageEviction()", () => {
  it("removes nothing while there is space", () => {
    expect(decideImageEviction([image("a")], disk(84), POLICY, NOW).remove).toEqual([]);
  });

  it("removes the least recently used until the low threshold is reached", () => {
    const images = [image("new", { lastUsed: 900 }), image("old", { lastUsed: 100 }), image("never")];
    const eviction = decideImageEviction(images, disk(85), POLICY, NOW);
    expect(eviction).toEqual({ remove: ["never", "old"], usedPercent: 85, wantedBytes: 50, freedBytes: 60 });
  });

  it("never touches what is used, pinned or young, and says when that was not enough", () => {
    const images = [
      image("used", { inUse: true }),
      image("pinned", { pinned: true }),
      image("young", { firstSeen: NOW - MINUTE }),
    ];
    expect(decideImageEviction(images, disk(95), POLICY, NOW)).toMatchObject({
      remove: [],
      wantedBytes: 150,
      freedBytes: 0,
    });
  });

  it("removes what was not used for too long, however much space there is", () => {
    const policy = { ...POLICY, maximumAgeMs: 10 * MINUTE };
    const images = [image("old"), image("recent", { lastUsed: NOW - MINUTE })];
    expect(decideImageEviction(images, disk(10), policy, NOW).remove).toEqual(["old"]);
  });

  it("can not tell anything of a disk without capacity", () => {
    const none = { capacityBytes: 0, availableBytes: 0 };
    expect(decideImageEviction([image("a")], none, POLICY, NOW).remove).toEqual([]);
  });
});
