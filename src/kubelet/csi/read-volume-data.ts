import { VOLUME_DATA_FILE } from "../../core/csi/csi-paths.ts";
import { parseVolumeData, type VolumeData } from "../../core/csi/volume-data.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";

const LIMIT_BYTES = 64 * 1024;

/** What was written down about a volume before it was touched; undefined when nothing was. Throws when it is damaged. */
export async function readVolumeData(
  files: Pick<Files, "information" | "read">,
  directory: string,
): Promise<VolumeData | undefined> {
  const path = `${directory}/${VOLUME_DATA_FILE}`;
  if ((await files.information(path)) === undefined) return undefined;
  const data = parseVolumeData(new TextDecoder().decode(await files.read(path, LIMIT_BYTES)));
  if (data.ok) return data.value;
  throw new OrlopError("Invalid", `cannot tell how to unmount ${directory}: ${path} is damaged: ${data.reason}`);
}
