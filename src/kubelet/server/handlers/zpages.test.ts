import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createFakeClock } from "../../../testing/fake-clock.ts";
import { plainRequest } from "../../../testing/plain-request.ts";
import { createFlagzHandler, createStatuszHandler } from "./zpages.ts";

const clock = createFakeClock();
const startedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
await clock.advance(startedAt + 90_061_000 - clock.now());
const statusz = createStatuszHandler({
  clock,
  startedAt,
  runtimeVersion: "v20.0.0",
  emulatedVersion: "1.35",
  paths: ["/configz", "/metrics"],
});
const flagz = createFlagzHandler({ v: "2", address: "::" });

async function get(page: typeof flagz, accept?: string) {
  const response = await page(plainRequest("/", accept === undefined ? {} : { accept }), {});
  if ("upgraded" in response || typeof response.body !== "string") throw new Error("no text");
  const { "content-type": type, warning } = response.headers;
  return { status: response.status, type, warning, body: response.body };
}

const STATUSZ_TEXT = `
kubelet statusz
Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.

Started: Fri Jan  2 03:04:05 UTC 2026
Up: 25 hr 01 min 01 sec
Go version: v20.0.0
Binary version: `;
const structured = (kind: string, version = "v1beta1"): string => `;g=config.k8s.io;v=${version};as=${kind}`;

describe("createStatuszHandler()", () => {
  it.each([
    undefined,
    "",
    "text/plain",
    "*/*",
    "text/*",
    `application/json;v=foo;g=config.k8s.io;as=Statusz,*/*`,
    `application/json${structured("Statusz")};q=0.5, text/plain`,
  ])("is text for Accept: %j", async (accept) => {
    const { status, type, body } = await get(statusz, accept);
    expect([status, type]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(body.startsWith(STATUSZ_TEXT)).toBe(true);
    expect(body).toMatch(/\nEmulation version: 1\.35\nPaths: \/configz \/metrics\n$/);
  });

  it.each([
    [`application/json${structured("Statusz")}`, `application/json${structured("Statusz")}`],
    [`application/xml, application/json${structured("Statusz")}`, `application/json${structured("Statusz")}`],
    [`text/plain;q=0.1, application/yaml${structured("Statusz")}`, `application/yaml${structured("Statusz")}`],
    [`*/*${structured("Statusz")}`, `application/json${structured("Statusz")}`],
  ])("is an object for Accept: %s", async (accept, expected) => {
    const { status, type, warning, body } = await get(statusz, accept);
    expect([status, type, warning]).toEqual([200, expected, undefined]);
    expect(parse(body)).toEqual({
      kind: "Statusz",
      apiVersion: "config.k8s.io/v1beta1",
      metadata: { name: "kubelet" },
      startTime: "2026-01-02T03:04:05Z",
      uptimeSeconds: 90_061,
      goVersion: "v20.0.0",
      binaryVersion: expect.stringMatching(/^1\.36\.\d/),
      emulationVersion: "1.35",
      paths: ["/configz", "/metrics"],
    });
  });

  it.each([
    "application/json",
    "application/xml",
    "application/json;v=v1beta1;g=config.k8s.io",
    `application/json${structured("Flagz")}`,
    `application/json${structured("Statusz", "v1")}`,
    `text/plain${structured("Statusz")}`,
    `application/vnd.kubernetes.protobuf${structured("Statusz")}`,
  ])("has nothing for Accept: %s", async (accept) => {
    const { status, body } = await get(statusz, accept);
    expect([status, JSON.parse(body)]).toEqual([
      406,
      expect.objectContaining({
        kind: "Status",
        reason: "NotAcceptable",
        code: 406,
        message: "only the following media types are accepted: application/json, application/yaml, text/plain",
      }),
    ]);
  });
});

describe("createFlagzHandler()", () => {
  it("lists flags by name", async () => {
    const { body } = await get(flagz);
    expect(body.split("\n").slice(1, 2).concat(body.split("\n").slice(3))).toEqual([
      "kubelet flagz",
      "address=::",
      "v=2",
      "",
    ]);
  });

  it("still has the older version, with a warning", async () => {
    const { warning, body } = await get(flagz, `application/json${structured("Flagz", "v1alpha1")}`);
    expect(warning).toBe(`299 - "This version of the flagz endpoint is deprecated. Please use a newer version."`);
    expect(JSON.parse(body)).toMatchObject({ apiVersion: "config.k8s.io/v1alpha1", flags: { v: "2" } });
  });
});
