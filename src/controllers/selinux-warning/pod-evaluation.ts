import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types.ts";
import type { ConflictIndex } from "../../core/selinux/conflict-index.ts";
import type { LabelDefaults } from "../../core/selinux/label-defaults.ts";
import { podVolumesOf, type SeveralLabels } from "../../core/selinux/pod-volumes.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { ObjectReader } from "../../machinery/object-store.ts";

export interface PodEvaluationDeps {
  readonly index: ConflictIndex;
  readonly pods: Pick<ObjectReader<Pod>, "get">;
  readonly claims: Pick<ObjectReader<PersistentVolumeClaim>, "get">;
  readonly volumes: Pick<ObjectReader<PersistentVolume>, "get">;
  readonly defaults?: LabelDefaults;
}

/** What became of one pod. */
export interface Evaluated {
  /** UID of a pod that is no longer there; one made again under the same name is another one. */
  readonly forgotten?: string;
  /** Whether there may be something new to tell of it. */
  readonly changed: boolean;
}

/** Brings pods into the index, and keeps beside it what the index does not know of them. Pods are named "namespace/name". */
export interface PodEvaluation {
  evaluate(key: string): Evaluated;
  /** UID of the pod as it is indexed; undefined when nothing of it can conflict. */
  uidOf(key: string): string | undefined;
  /** The volumes for which its containers need different labels, where the driver mounts with a context. */
  severalLabelsOf(key: string): readonly SeveralLabels[];
  /** Pods with such volumes, whatever their drivers do. */
  podsWithSeveralLabels(): Iterable<string>;
  /** Why pods could not be looked at that make no sense. */
  unreadable(): Iterable<string>;
}

export function createPodEvaluation({ index, pods, claims, volumes, defaults }: PodEvaluationDeps): PodEvaluation {
  const uids = new Map<string, string>();
  const severalLabels = new Map<string, readonly SeveralLabels[]>();
  const unreadable = new Map<string, string>();
  const lookups = {
    claim: (key: string) => claims.get(key),
    persistentVolume: (name: string) => volumes.get(name),
  };

  /** @returns the UID under which it was indexed */
  const forget = (key: string): string | undefined => {
    const uid = uids.get(key);
    if (uid !== undefined) index.removePod(uid);
    uids.delete(key);
    severalLabels.delete(key);
    unreadable.delete(key);
    return uid;
  };

  /** @returns whether anything of it can conflict, and whether that is new */
  const put = (key: string, pod: Pod, uid: string): { readonly kept: boolean; readonly changed: boolean } => {
    const { namespace = "", name = "" } = pod.metadata ?? {};
    const found = podVolumesOf(pod, lookups, defaults);
    unreadable.delete(key);
    if (found.uses.length === 0 && found.severalLabels.length === 0) return { kept: false, changed: false };
    if (found.severalLabels.length === 0) severalLabels.delete(key);
    else severalLabels.set(key, found.severalLabels);
    uids.set(key, uid);
    const changed = index.setPod({ uid, namespace, name }, found.uses);
    return { kept: true, changed: changed || found.severalLabels.length > 0 };
  };

  return {
    evaluate(key) {
      const pod = pods.get(key);
      const uid = pod?.metadata?.uid;
      let forgotten = pod !== undefined && uid === uids.get(key) ? undefined : forget(key);
      let changed = false;
      if (pod !== undefined) {
        try {
          if (uid === undefined) throw new OrlopError("Invalid", "it has no UID");
          const result = put(key, pod, uid);
          changed = result.changed;
          if (!result.kept) forgotten = forget(key) ?? forgotten;
        } catch (reason) {
          // What was known of it stays: nothing counts as resolved because of an answer that nobody understands.
          unreadable.set(key, `pod ${key} can not be understood: ${messageOf(reason)}`);
        }
      }
      return { changed, ...(forgotten !== undefined && { forgotten }) };
    },
    uidOf: (key) => uids.get(key),
    severalLabelsOf: (key) => (severalLabels.get(key) ?? []).filter(({ plugin }) => index.isSupported(plugin)),
    podsWithSeveralLabels: () => severalLabels.keys(),
    unreadable: () => unreadable.values(),
  };
}
