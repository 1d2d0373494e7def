import {
  type CurrentContent,
  DATA_LINK,
  planAtomicWrite,
  versionFolderName,
  type WriteStep,
} from "../../core/volumes/atomic-write.ts";
import type { GroupAccess } from "../../core/volumes/file-ownership.ts";
import type { Payload } from "../../core/volumes/payload.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Files } from "../../ports/files.ts";
import type { Random } from "../../ports/random.ts";

export interface WriteContentDeps {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
}

/** ConfigMaps and Secrets are limited to about 1 MiB by the API; a projection may join several. */
const LARGEST_FILE_BYTES = 64 * 2 ** 20;

/** Brings the files of a volume to `payload`, atomically for its readers. True when something was written. */
export async function writeContent(
  deps: WriteContentDeps,
  volumePath: string,
  payload: Payload,
  access: GroupAccess | undefined,
): Promise<boolean> {
  const random = [...deps.random.bytes(5)].map((byte) => byte.toString(36)).join("");
  const fresh = versionFolderName(deps.clock.now(), random);
  const steps = planAtomicWrite(await readCurrent(deps.files, volumePath), payload, fresh, access);
  for (const step of steps) await perform(deps.files, volumePath, step);
  return steps.length > 0;
}

async function readCurrent(files: Files, volumePath: string): Promise<CurrentContent> {
  const top = await files.list(volumePath);
  const visible = new Map(top.map(({ name, kind }) => [name, kind === "symlink" ? "link" : "other"] as const));
  if (visible.get(DATA_LINK) !== "link") return { entries: new Map(), visible };
  const dataTarget = await files.readLink(`${volumePath}/${DATA_LINK}`);
  const version = `${volumePath}/${dataTarget}`;
  // A link that leads nowhere or out of the volume is no version of ours: everything is written anew.
  const usable = visible.has(dataTarget) && dataTarget.startsWith("..");
  if (!usable) return { entries: new Map(), visible };
  const entries = new Map<string, Uint8Array | "folder">();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { name, kind } of await files.list(`${version}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (kind === "directory") {
        entries.set(path, "folder");
        folders.push(path);
      } else entries.set(path, await files.read(`${version}/${path}`, LARGEST_FILE_BYTES));
    }
  }
  return { dataTarget, entries, visible };
}

async function perform(files: Files, volumePath: string, step: WriteStep): Promise<void> {
  const at = (path: string): string => (path === "" ? volumePath : `${volumePath}/${path}`);
  switch (step.do) {
    case "own":
      return files.setAttributes(at(step.path), { gid: step.group, mode: step.mode });
    case "make-folder":
      await files.makeDirectory(at(step.path), step.mode);
      if (step.group !== undefined) await files.setAttributes(at(step.path), { gid: step.group, mode: step.mode });
      return;
    case "write-file": {
      await files.createFile(at(step.path), step.data, step.mode);
      const { user, group, mode } = step;
      if (user === undefined && group === undefined) return;
      return files.setAttributes(at(step.path), {
        mode,
        ...(user !== undefined && { uid: user }),
        ...(group !== undefined && { gid: group }),
      });
    }
    case "link":
      await files.symlink(step.target, at(step.path));
      if (step.user !== undefined) await files.setAttributes(at(step.path), { uid: step.user });
      return;
    case "publish":
      return files.rename(at(step.from), at(step.to));
    case "remove":
      return files.remove(at(step.path));
    case "remove-tree":
      return files.removeTree(at(step.path));
  }
}
