import type { KubernetesObject } from "../../api/types.ts";
import type { Objects } from "../extension.ts";

/** Something that is kept up to date with all objects of some kinds. */
export interface ObjectSink {
  put(kind: string, object: KubernetesObject): void;
  remove(kind: string, object: KubernetesObject): void;
}

/**
 * Feeds a sink with all live objects of the kinds and every change. The first call of the returned function reads the
 * objects there are (they are not loaded yet when the parts of a server are put together). It throws when they can not
 * be read, so that nobody decides on an empty view.
 */
export function feedObjects(objects: Objects, kinds: readonly string[], sink: ObjectSink): () => void {
  let loaded = false;
  for (const kind of kinds) {
    objects.observe(kind, (change) => {
      if (change.type === "deleted") sink.remove(kind, change.object);
      else sink.put(kind, change.object);
    });
  }
  return () => {
    if (loaded) return;
    for (const kind of kinds) {
      for (const object of objects.list(kind, "")) sink.put(kind, object);
    }
    loaded = true;
  };
}
