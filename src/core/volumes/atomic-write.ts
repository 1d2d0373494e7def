import { modeForGroup, type GroupAccess } from "./file-ownership.ts";
import { parentFolders, type Payload } from "./payload.ts";

/** The link through which all files of a volume are read; swapping it publishes a new version in one step. */
export const DATA_LINK = "..data";
const NEW_DATA_LINK = "..data_tmp";
const FOLDER_MODE = 0o755;
const VOLUME_MODE = 0o777;

/** What is in the volume now. */
export interface CurrentContent {
  /** Target of `..data`; absent when nothing was ever written. */
  readonly dataTarget?: string;
  /** All files and folders below it, relative; files with their bytes. */
  readonly entries: ReadonlyMap<string, Uint8Array | "folder">;
  /** Names at the top of the volume; "other" are folders for nested mounts and old versions. */
  readonly visible: ReadonlyMap<string, "link" | "other">;
}

/** Steps on paths relative to the volume. */
export type WriteStep =
  | { readonly do: "own"; readonly path: string; readonly mode: number; readonly group: number }
  | { readonly do: "make-folder"; readonly path: string; readonly mode: number; readonly group?: number }
  | {
      readonly do: "write-file";
      readonly path: string;
      readonly data: Uint8Array;
      readonly mode: number;
      readonly user?: number;
      readonly group?: number;
    }
  | { readonly do: "link"; readonly path: string; readonly target: string; readonly user?: number }
  | { readonly do: "publish"; readonly from: string; readonly to: string }
  | { readonly do: "remove"; readonly path: string }
  | { readonly do: "remove-tree"; readonly path: string };

function equal(a: Uint8Array | "folder" | undefined, b: Uint8Array): boolean {
  return a !== undefined && a !== "folder" && a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function foldersOf(payload: Payload): readonly string[] {
  return [...new Set([...payload.keys()].flatMap(parentFolders))].sort();
}

/**
 * Steps that bring a volume to `payload` (cleaned). A reader that goes through `..data` sees the old or the new version,
 * never a mixture; a crash between any two steps leaves a volume from which the same call goes on.
 *
 * @param freshName name for the new version's folder, beginning with `..`, not used before
 */
export function planAtomicWrite(
  current: CurrentContent,
  payload: Payload,
  freshName: string,
  access: GroupAccess | undefined,
): readonly WriteStep[] {
  const folders = foldersOf(payload);
  const wanted = new Set([...payload.keys(), ...folders]);
  const obsolete = [...current.entries.keys()].filter((path) => !wanted.has(path));
  const changed = [...payload].some(([path, file]) => !equal(current.entries.get(path), file.data));
  const rewrite = current.dataTarget === undefined || changed || obsolete.length > 0;
  return [
    ...(rewrite ? versionSteps(payload, folders, freshName, access) : []),
    ...(rewrite ? publishSteps(current, freshName) : []),
    ...linkSteps(current, payload),
    ...danglingLinks(current, payload).map((path): WriteStep => ({ do: "remove", path })),
    ...staleFolders(current, rewrite ? freshName : current.dataTarget).map((path): WriteStep => {
      return { do: "remove-tree", path };
    }),
  ];
}

function versionSteps(
  payload: Payload,
  folders: readonly string[],
  freshName: string,
  access: GroupAccess | undefined,
): readonly WriteStep[] {
  const group = access === undefined ? {} : { group: access.group };
  const folderMode = modeForGroup(FOLDER_MODE, "directory", access);
  return [
    ...(access === undefined
      ? []
      : [{ do: "own", path: "", mode: modeForGroup(VOLUME_MODE, "directory", access), group: access.group } as const]),
    { do: "make-folder", path: freshName, mode: folderMode, ...group },
    ...folders.map(
      (path) => ({ do: "make-folder", path: `${freshName}/${path}`, mode: folderMode, ...group }) as const,
    ),
    ...[...payload].map(
      ([path, { data, mode, user }]) =>
        ({
          do: "write-file",
          path: `${freshName}/${path}`,
          data,
          mode: modeForGroup(mode, "file", access),
          ...(user !== undefined && { user }),
          ...group,
        }) as const,
    ),
  ];
}

function publishSteps(current: CurrentContent, freshName: string): readonly WriteStep[] {
  return [
    // Left behind by a crash between the next two steps.
    ...(current.visible.has(NEW_DATA_LINK) ? [{ do: "remove", path: NEW_DATA_LINK } as const] : []),
    { do: "link", path: NEW_DATA_LINK, target: freshName },
    { do: "publish", from: NEW_DATA_LINK, to: DATA_LINK },
  ];
}

function linkSteps(current: CurrentContent, payload: Payload): readonly WriteStep[] {
  const steps = new Map<string, WriteStep>();
  for (const [path, { user }] of payload) {
    const name = topOf(path);
    if (current.visible.has(name) || steps.has(name)) continue;
    steps.set(name, { do: "link", path: name, target: `${DATA_LINK}/${name}`, ...(user !== undefined && { user }) });
  }
  return [...steps.values()];
}

/** Links to files that are no longer wanted, also those that a crash left behind. */
function danglingLinks(current: CurrentContent, payload: Payload): readonly string[] {
  const wanted = new Set([...payload.keys()].map(topOf));
  return [...current.visible]
    .filter(([name, kind]) => kind === "link" && !name.startsWith("..") && !wanted.has(name))
    .map(([name]) => name);
}

/** Versions nobody points at any more, also those that a crash left behind. */
function staleFolders(current: CurrentContent, kept: string | undefined): readonly string[] {
  return [...current.visible.keys()].filter(
    (name) => name.startsWith("..") && name !== DATA_LINK && name !== NEW_DATA_LINK && name !== kept,
  );
}

function topOf(path: string): string {
  return path.split("/")[0] ?? path;
}

/** Folder name of a version: time first so that people see its age, random last so that it is new. */
export function versionFolderName(now: number, random: string): string {
  const [date = "", time = ""] = new Date(now).toISOString().slice(0, 19).split("T");
  return `..${date.replaceAll("-", "_")}_${time.replaceAll(":", "_")}.${random}`;
}
