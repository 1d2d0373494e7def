import { forbiddenField, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import { placedContainers } from "./pod-rules.ts";
import type { AnyPodSpec, PodRules } from "./pod-rules.ts";

const TEXT = "when `hostUsers` is false";

/** What does not go together with a user namespace of its own (KEP-127). The odd letter case of two paths is upstream's. */
export function validateHostUsers(spec: AnyPodSpec, root: string, rules: PodRules): readonly FieldError[] {
  if (spec.hostUsers !== false) return [];
  return [
    ...when(
      spec.hostNetwork === true && !rules.isHostNetworkWithUserNamespaceAllowed,
      forbiddenField(`${root}.hostNetwork`, TEXT),
    ),
    ...when(spec.hostPID === true, forbiddenField(`${root}.HostPID`, TEXT)),
    ...when(spec.hostIPC === true, forbiddenField(`${root}.HostIPC`, TEXT)),
    ...(rules.areVolumeDevicesWithUserNamespaceAllowed
      ? []
      : placedContainers(spec, root).flatMap(({ container, field }) =>
          when((container.volumeDevices ?? []).length > 0, forbiddenField(`${field}.volumeDevices`, TEXT)),
        )),
  ];
}
