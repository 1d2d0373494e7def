import {
  validateEphemeralContainersUpdate,
  withEphemeralContainers,
} from "../../api/kinds/pods/ephemeral-containers.ts";
import { validateResize, withResizedResources } from "../../api/kinds/pods/resize.ts";
import type { Pod } from "../../api/types.ts";
import type { Aspect } from "../resources/aspects.ts";

/** pods/ephemeralcontainers: containers for debugging can be added to a pod that runs, and never changed or removed. */
export const EPHEMERAL_CONTAINERS: Aspect = {
  subresource: "ephemeralcontainers",
  countsGeneration: true,
  merge(_kind, sent, old) {
    const { spec } = sent as Pod;
    // A list that was sent empty was normalised away: sending none means to want none.
    const ephemeralContainers = spec?.ephemeralContainers ?? [];
    return withEphemeralContainers({ ...sent, spec: { ...spec, ephemeralContainers } }, old);
  },
  prepare: (kind, object, old, context) => kind.prepareForUpdate(object, old, context),
  validate: (_kind, object, old, context) => validateEphemeralContainersUpdate(object, old, context),
};

/** pods/resize: cpu and memory of containers that run. */
export const RESIZE: Aspect = {
  subresource: "resize",
  countsGeneration: true,
  merge: (_kind, sent, old) => withResizedResources(sent, old),
  prepare: (kind, object, old, context) => kind.prepareForUpdate(object, old, context),
  validate: (_kind, object, old, context) => validateResize(object, old, context),
};
