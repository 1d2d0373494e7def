import { expect, it } from "vitest";
import { OrlopError } from "../lib/orlop-error.ts";
import type { ClusterTransport } from "../ports/cluster-transport.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { observeTransport, type SentRequest } from "./observed-transport.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}

it("tells of answers and of requests without one, but not of those that were given up", async () => {
  const sent: SentRequest[] = [];
  let fails = false;
  const transport: ClusterTransport = {
    host: "server:6443",
    async send() {
      if (fails) throw new OrlopError("Unavailable", "away");
      return { status: 404, headers: {}, body: nothing() };
    },
  };
  const observed = observeTransport(transport, createFakeClock(), (request) => sent.push(request));
  const { signal } = new AbortController();
  expect(observed.host).toBe("server:6443");
  expect((await observed.send({ method: "GET", path: "/", signal })).status).toBe(404);
  fails = true;
  await expect(observed.send({ method: "POST", path: "/", signal })).rejects.toThrow("away");
  await expect(observed.send({ method: "PUT", path: "/", signal: AbortSignal.abort() })).rejects.toThrow("away");
  expect(sent.map(({ method, code }) => [method, code])).toEqual([
    ["GET", "404"],
    ["POST", "<error>"],
  ]);
});
