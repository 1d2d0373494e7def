import type { Container, LifecycleHandler, Pod } from "../../api/types.ts";
import { CONTAINER_NAME, POD_TERMINATION_GRACE_PERIOD, PRE_STOP_HANDLER } from "./labels.ts";
import type { FoundPod } from "./runtime-reader.ts";

/** As much of a pod as its containers tell, so that it can be ended the way it asked for when nobody has its object. */
export function orphanPod(found: FoundPod): Pod {
  const graces = found.containers.flatMap(({ annotations }) => {
    const seconds = Number(annotations[POD_TERMINATION_GRACE_PERIOD] ?? "");
    return Number.isInteger(seconds) && seconds >= 0 ? [seconds] : [];
  });
  const containers = new Map<string, Container>();
  for (const { labels, metadata, annotations } of found.containers) {
    const name = labels[CONTAINER_NAME] ?? metadata.name;
    const preStop = parseHandler(annotations[PRE_STOP_HANDLER]);
    containers.set(name, { name, ...(preStop !== undefined && { lifecycle: { preStop } }) });
  }
  return {
    metadata: { name: found.name, namespace: found.namespace, uid: found.uid },
    spec: {
      containers: [...containers.values()],
      terminationGracePeriodSeconds: graces.length === 0 ? 30 : Math.max(...graces),
    },
  };
}

function parseHandler(text: string | undefined): LifecycleHandler | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as LifecycleHandler) : undefined;
  } catch {
    return undefined;
  }
}
