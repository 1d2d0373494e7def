import { expect, it } from "vitest";
import type { CriCalls } from "./calls.ts";
import { createCriCheckpoints } from "./checkpoints.ts";
import { CheckpointContainerRequest } from "./generated/cri.ts";

it.each([
  [0, 120],
  [30, 120],
  [300, 300],
])("a checkpoint with timeout %d gets %d seconds, of the runtime and of the call", async (asked, given) => {
  let seen: unknown;
  const calls: Pick<CriCalls, "timeoutMs" | "runtime"> = {
    timeoutMs: 120_000,
    runtime: async (method, request, _signal, deadlineMs) => {
      // Over the wire and back.
      const decoded = CheckpointContainerRequest.decode(method.requestType.encode(request).finish());
      seen = { name: method.name, ...decoded, deadlineMs };
      return method.responseType.decode(new Uint8Array());
    },
  };
  await createCriCheckpoints(calls as CriCalls).checkpoint("c1", "/a.tar", asked, new AbortController().signal);
  expect(seen).toEqual({
    name: "CheckpointContainer",
    containerId: "c1",
    location: "/a.tar",
    timeout: BigInt(given),
    deadlineMs: given * 1_000,
  });
});
