import type { Pod } from "../../api/types.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { PODS } from "../../machinery/resources.ts";
import type { Log } from "../../ports/log.ts";
import { isMirrorOf, mirrorOf } from "./static-pod.ts";

/** Keeps one object at the API server for each static pod, and none for those that are gone. */
export interface MirrorPods {
  /** What the watch tells of mirrors on this node. */
  observe(mirror: Pod): void;
  deleted(mirror: Pod): void;
  /** The mirror of this very version of a static pod. */
  mirrorFor(pod: Pod): Pod | undefined;
  /** The static pod whose mirror has this uid. */
  podFor(mirrorUid: string, pods: readonly Pod[]): Pod | undefined;
  /** Creates what is missing and deletes what is stale. Failures are logged; call again. */
  reconcile(pods: readonly Pod[], signal: AbortSignal): Promise<void>;
}

export interface MirrorPodsDeps {
  readonly client: Pick<ClusterClient, "create" | "delete">;
  readonly log: Log;
  /** undefined until the node is registered: mirrors belong to it. */
  readonly node: () => { readonly name: string; readonly uid: string } | undefined;
}

function nameOf(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`;
}

export function createMirrorPods(deps: MirrorPodsDeps): MirrorPods {
  const mirrors = new Map<string, Pod>();
  const asked = new Set<string>();

  async function remove(mirror: Pod, signal: AbortSignal): Promise<void> {
    const { name = "", namespace = "", uid = "" } = mirror.metadata ?? {};
    if (asked.has(uid)) return;
    asked.add(uid);
    try {
      await deps.client.delete(PODS, { name, namespace }, signal, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (failure) {
      asked.delete(uid);
      if (hasReason(failure, "NotFound", "Conflict")) return;
      deps.log.warn("A mirror pod could not be deleted", { pod: name, namespace, reason: messageOf(failure) });
    }
  }

  async function create(pod: Pod, signal: AbortSignal): Promise<void> {
    const node = deps.node();
    if (node === undefined) return;
    try {
      const mirror = await deps.client.create(PODS, mirrorOf(pod, node), signal);
      if (!mirrors.has(nameOf(pod))) mirrors.set(nameOf(pod), mirror);
    } catch (failure) {
      if (signal.aborted || hasReason(failure, "AlreadyExists")) return;
      const { name, namespace } = pod.metadata ?? {};
      deps.log.warn("A mirror pod could not be created", { pod: name, namespace, reason: messageOf(failure) });
    }
  }

  return {
    observe(mirror) {
      mirrors.set(nameOf(mirror), mirror);
    },
    deleted(mirror) {
      asked.delete(mirror.metadata?.uid ?? "");
      if (mirrors.get(nameOf(mirror))?.metadata?.uid === mirror.metadata?.uid) mirrors.delete(nameOf(mirror));
    },
    mirrorFor(pod) {
      const mirror = mirrors.get(nameOf(pod));
      return mirror !== undefined && isMirrorOf(mirror, pod) ? mirror : undefined;
    },
    podFor(mirrorUid, pods) {
      return pods.find((pod) => {
        const mirror = mirrors.get(nameOf(pod));
        return mirror !== undefined && mirror.metadata?.uid === mirrorUid && isMirrorOf(mirror, pod);
      });
    },
    async reconcile(pods, signal) {
      const wanted = new Map(pods.map((pod) => [nameOf(pod), pod]));
      for (const [name, mirror] of mirrors) {
        const pod = wanted.get(name);
        const stale = pod === undefined || !isMirrorOf(mirror, pod) || mirror.metadata?.deletionTimestamp !== undefined;
        if (stale) await remove(mirror, signal);
      }
      for (const [name, pod] of wanted) if (!mirrors.has(name)) await create(pod, signal);
    },
  };
}
