import { failed, ok, type Result } from "../../lib/result.ts";

/** vol_data.json: what is needed to take a volume down after a restart, by this kubelet or any other. */
export interface VolumeData {
  readonly volumeHandle: string;
  readonly driverName: string;
  /** Of a pod's mount: the persistent volume's name, or that of the pod's inline volume. */
  readonly specVolID?: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: "Persistent" | "Ephemeral";
  /** Label it was asked to be mounted with; absent: none. */
  readonly seLinuxMountContext?: string;
}

/** Upstream reads an object of texts only. */
export function formatVolumeData(data: VolumeData): string {
  return `${JSON.stringify(data)}\n`;
}

export function parseVolumeData(text: string): Result<VolumeData> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed("it is not JSON");
  }
  if (typeof value !== "object" || value === null) return failed("it is not an object");
  const textAt = (key: string): string | undefined => {
    const found: unknown = Reflect.get(value, key);
    return typeof found === "string" && found !== "" ? found : undefined;
  };
  const volumeHandle = textAt("volumeHandle");
  const driverName = textAt("driverName");
  if (volumeHandle === undefined || driverName === undefined) return failed("volumeHandle or driverName is missing");
  const specVolID = textAt("specVolID");
  const nodeName = textAt("nodeName");
  const attachmentID = textAt("attachmentID");
  const context = textAt("seLinuxMountContext");
  const mode = textAt("volumeLifecycleMode");
  return ok({
    volumeHandle,
    driverName,
    ...(specVolID !== undefined && { specVolID }),
    ...(nodeName !== undefined && { nodeName }),
    ...(attachmentID !== undefined && { attachmentID }),
    ...((mode === "Persistent" || mode === "Ephemeral") && { volumeLifecycleMode: mode }),
    ...(context !== undefined && { seLinuxMountContext: context }),
  });
}
