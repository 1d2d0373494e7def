import { fieldPathOf, findContainer } from "../../core/pods/containers.ts";
import { type EventRecorder, referenceTo } from "../../machinery/event-recorder.ts";
import { PODS } from "../../machinery/resources.ts";
import type { PodEvents } from "./pod-events.ts";

/** Events of pods as objects at the API server. */
export function createPodEvents(recorder: EventRecorder): PodEvents {
  return {
    record(pod, { type, reason, message, container }) {
      const found = container === undefined ? undefined : findContainer(pod, container);
      const { resourceVersion: _, ...reference } = referenceTo(PODS, pod);
      recorder.record({
        involvedObject: {
          ...reference,
          ...(found !== undefined && { fieldPath: fieldPathOf(found) }),
        },
        type,
        reason,
        message,
      });
    },
  };
}
