import { forbiddenField, invalidValue, notFoundValue, notSupported, required, when } from "../../field-error.ts";
import type { FieldError } from "../../status-error.ts";
import type { AnyContainer, AnyEphemeralContainer } from "./pod-rules.ts";
import { validateDescendingPath, validateNoBacksteps } from "./validate-paths.ts";
import type { Volumes } from "./validate-volumes.ts";

type Mount = NonNullable<AnyContainer["volumeMounts"]>[number];

const PROPAGATIONS = ["Bidirectional", "HostToContainer", "None"];
const READ_ONLY_WAYS = ["Disabled", "Enabled", "IfPossible"];

function propagationErrors(mount: Mount, isPrivileged: boolean, field: string): readonly FieldError[] {
  const { mountPropagation: way } = mount;
  if (way === undefined) return [];
  const text = "Bidirectional mount propagation is available only to privileged containers";
  return [
    ...when(!PROPAGATIONS.includes(way), notSupported(field, way, PROPAGATIONS)),
    ...when(way === "Bidirectional" && !isPrivileged, forbiddenField(field, text)),
  ];
}

function readOnlyErrors(mount: Mount, field: string): readonly FieldError[] {
  const { recursiveReadOnly: way, readOnly, mountPropagation = "None" } = mount;
  if (way === undefined || way === "Disabled") return [];
  if (!READ_ONLY_WAYS.includes(way)) return [notSupported(field, way, READ_ONLY_WAYS)];
  return [
    ...when(readOnly !== true, forbiddenField(field, "may only be specified when readOnly is true")),
    ...when(
      mountPropagation !== "None",
      forbiddenField(field, "may only be specified when mountPropagation is None or not specified"),
    ),
  ];
}

function subPathErrors(mount: Mount, field: string, listField: string): readonly FieldError[] {
  const { subPath = "", subPathExpr = "" } = mount;
  return [
    ...(subPath === "" ? [] : validateDescendingPath(`${listField}.subPath`, subPath)),
    ...when(
      subPathExpr !== "" && subPath !== "",
      invalidValue(`${field}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive"),
    ),
    ...(subPathExpr === "" ? [] : validateDescendingPath(`${listField}.subPathExpr`, subPathExpr)),
  ];
}

/** Where upstream's texts name the list rather than its entry, so do these. */
export function validateVolumeMounts(
  container: AnyContainer | AnyEphemeralContainer,
  volumes: Volumes,
  field: string,
): readonly FieldError[] {
  const isPrivileged = container.securityContext?.privileged === true;
  const devices = container.volumeDevices ?? [];
  const paths = new Set<string>();
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const at = `${field}[${i}]`;
    const { name = "", mountPath = "" } = mount;
    const isTwice = paths.has(mountPath);
    paths.add(mountPath);
    return [
      ...when(name === "", required(`${at}.name`)),
      ...when(!volumes.has(name), notFoundValue(`${at}.name`, name)),
      ...when(mountPath === "", required(`${at}.mountPath`)),
      ...when(isTwice, invalidValue(`${at}.mountPath`, mountPath, "must be unique")),
      ...when(
        devices.some((device) => device.name === name),
        invalidValue(`${at}.name`, name, "must not already exist in volumeDevices"),
      ),
      ...when(
        devices.some(({ devicePath }) => devicePath === mountPath),
        invalidValue(`${at}.mountPath`, mountPath, "must not already exist as a path in volumeDevices"),
      ),
      ...subPathErrors(mount, at, field),
      ...propagationErrors(mount, isPrivileged, `${field}.mountPropagation`),
      ...readOnlyErrors(mount, `${field}.recursiveReadOnly`),
    ];
  });
}

export function validateVolumeDevices(
  container: AnyContainer | AnyEphemeralContainer,
  volumes: Volumes,
  field: string,
): readonly FieldError[] {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  return (container.volumeDevices ?? []).flatMap(({ name = "", devicePath = "" }, i) => {
    const at = `${field}[${i}]`;
    const volume = volumes.get(name);
    const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
    const isUpwards = validateNoBacksteps(at, devicePath).length > 0;
    const seen = { name: names.has(name), path: paths.has(devicePath) };
    if (name !== "") names.add(name);
    if (!isUpwards) paths.add(devicePath);
    const claimText = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
    return [
      ...when(name === "", required(`${at}.name`)),
      ...when(seen.name, invalidValue(`${at}.name`, name, "must be unique")),
      ...when(volume !== undefined && !isClaim, invalidValue(`${at}.name`, name, claimText)),
      ...when(volume === undefined, notFoundValue(`${at}.name`, name)),
      ...when(devicePath === "", required(`${at}.devicePath`)),
      ...when(seen.path, invalidValue(`${at}.devicePath`, devicePath, "must be unique")),
      ...when(isUpwards, invalidValue(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')")),
      ...when(
        mounts.some((mount) => mount.name === name),
        invalidValue(`${at}.name`, name, "must not already exist in volumeMounts"),
      ),
      ...when(
        mounts.some(({ mountPath }) => mountPath === devicePath),
        invalidValue(`${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts"),
      ),
    ];
  });
}
