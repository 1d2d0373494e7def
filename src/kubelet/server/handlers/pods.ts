import type { Pod } from "../../../api/types.ts";
import type { RouteHandler } from "../routes.ts";

const HEADERS = { "content-type": "application/json" };

/** A v1 PodList, whose items do not repeat their kind. An empty one says null, as upstream's encoder does. */
export function createPodListHandler(pods: () => readonly Pod[]): RouteHandler {
  /** Pods change rarely and agents ask often: what did not change is not written again, pod by pod and as a whole. */
  const texts = new WeakMap<Pod, string>();
  let written: { readonly pods: readonly Pod[]; readonly body: Uint8Array } | undefined;
  const textOf = (pod: Pod): string => {
    const known = texts.get(pod);
    if (known !== undefined) return known;
    const { kind: _, apiVersion: __, ...untyped } = pod;
    const text = JSON.stringify(untyped);
    texts.set(pod, text);
    return text;
  };
  return async () => {
    const now = pods();
    if (written === undefined || !areSame(written.pods, now)) {
      const items = now.length === 0 ? "null" : `[${now.map(textOf).join(",")}]`;
      const text = `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":${items}}`;
      written = { pods: [...now], body: new TextEncoder().encode(text) };
    }
    return { status: 200, headers: HEADERS, body: written.body };
  };
}

/** The same objects in the same order. A pod that changes is another object. */
function areSame(before: readonly Pod[], now: readonly Pod[]): boolean {
  return before.length === now.length && before.every((pod, index) => pod === now[index]);
}
