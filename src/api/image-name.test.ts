import { describe, expect, it } from "vitest";
import { parseImageName } from "./image-name.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("parseImageName()", () => {
  it.each([
    ["busybox", "docker.io/library/busybox", "latest", ""],
    ["busybox:1.36", "docker.io/library/busybox", "1.36", ""],
    ["curlimages/curl", "docker.io/curlimages/curl", "latest", ""],
    ["localhost:5000/a/b", "localhost:5000/a/b", "latest", ""],
    ["registry.k8s.io/pause:3.10", "registry.k8s.io/pause", "3.10", ""],
    [`busybox@${DIGEST}`, "docker.io/library/busybox", "", DIGEST],
    [`busybox:1@${DIGEST}`, "docker.io/library/busybox", "1", DIGEST],
  ])("takes %s apart", (reference, repository, tag, digest) => {
    expect(parseImageName(reference)).toEqual({ repository, tag, digest });
  });

  it.each([
    "",
    "Busybox",
    "a//b",
    "a:",
    "a@sha256:x",
    "a b",
    "-a",
    "a".repeat(64),
    "a".repeat(248),
    `a@sha512:${"a".repeat(64)}`,
    `a@x:${"a".repeat(64)}`,
  ])("refuses %j", (reference) => {
    expect(parseImageName(reference)).toBeUndefined();
  });
});
