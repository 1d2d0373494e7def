import { describe, expect, it } from "vitest";
import type { Pod } from "../../../api/types.ts";
import { plainRequest } from "../../../testing/plain-request.ts";
import { createPodListHandler } from "./pods.ts";

const pod = (name: string, resourceVersion = "1"): Pod => ({ metadata: { name, resourceVersion } });

function world(pods: Pod[]) {
  const handler = createPodListHandler(() => pods);
  return async () => {
    const { body } = (await handler(plainRequest("/pods"), {})) as { readonly body: Uint8Array };
    return { body, list: JSON.parse(new TextDecoder().decode(body)) as { readonly items: readonly Pod[] | null } };
  };
}

describe("createPodListHandler()", () => {
  it("shows every change: other pods, another order, another object of the same pod", async () => {
    const [a, b] = [pod("a"), pod("b")];
    const pods = [a, b];
    const get = world(pods);
    expect((await get()).list.items).toEqual([a, b]);
    pods.reverse();
    expect((await get()).list.items).toEqual([b, a]);
    pods[0] = pod("b", "2");
    expect((await get()).list.items).toEqual([pod("b", "2"), a]);
    pods.length = 1;
    expect((await get()).list.items).toEqual([pod("b", "2")]);
    pods.length = 0;
    expect((await get()).list.items).toBeNull();
  });

  it("does not write again what did not change", async () => {
    const get = world([pod("a")]);
    expect((await get()).body).toBe((await get()).body);
  });
});
