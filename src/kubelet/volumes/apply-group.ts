import { type GroupAccess, modeForGroup, rootMatchesGroup } from "../../core/volumes/file-ownership.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { Files } from "../../ports/files.ts";

export type ApplyGroup = (
  path: string,
  access: GroupAccess,
  onlyOnRootMismatch: boolean,
  signal: AbortSignal,
) => Promise<void>;

/**
 * Gives a volume's files to a group.
 *
 * @param onlyOnRootMismatch whether a root that already fits spares the files below
 */
export async function applyGroup(
  files: Files,
  path: string,
  access: GroupAccess,
  onlyOnRootMismatch: boolean,
  signal: AbortSignal,
): Promise<void> {
  const root = await files.information(path);
  if (root === undefined) throw new OrlopError("NotFound", `cannot set the group of ${path}: it does not exist`);
  if (onlyOnRootMismatch && rootMatchesGroup(root, access)) return;
  // The root comes last: as long as it does not fit, an interrupted walk is done again.
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const { name } of await files.list(folder)) {
      const entry = `${folder}/${name}`;
      const information = await files.information(entry);
      if (information === undefined) continue;
      const directory = information.kind === "directory";
      if (directory) folders.push(entry);
      await files.setAttributes(entry, {
        gid: access.group,
        ...(information.kind !== "symlink" && {
          mode: modeForGroup(information.mode, directory ? "directory" : "file", access),
        }),
      });
    }
  }
  await files.setAttributes(path, { gid: access.group, mode: modeForGroup(root.mode, "directory", access) });
}
