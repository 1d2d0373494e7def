import type { GroupAccess } from "./file-ownership.ts";

/** What has to be done on the host to make a volume ready. Every step may find its work already done. */
export type SetupStep =
  | { readonly do: "check-host-path"; readonly path: string; readonly type: HostPathType }
  | { readonly do: "make-directory"; readonly path: string; readonly mode: number }
  | {
      readonly do: "mount-filesystem";
      readonly path: string;
      readonly filesystem: "tmpfs" | "hugetlbfs";
      readonly options: readonly string[];
    }
  | { readonly do: "bind"; readonly source: string; readonly path: string }
  | {
      readonly do: "apply-group";
      readonly path: string;
      readonly access: GroupAccess;
      /** Whether a root that already fits spares the files below. */
      readonly onlyOnRootMismatch: boolean;
    }
  | { readonly do: "mark-ready"; readonly directory: string };

export const HOST_PATH_TYPES = [
  "",
  "DirectoryOrCreate",
  "Directory",
  "FileOrCreate",
  "File",
  "Socket",
  "CharDevice",
  "BlockDevice",
] as const;
export type HostPathType = (typeof HOST_PATH_TYPES)[number];

/** Takes back a step that was done by this very attempt; data that was there before is never touched. */
export type UndoStep =
  | { readonly do: "unmount"; readonly path: string }
  | { readonly do: "remove-empty-directory"; readonly path: string }
  | { readonly do: "remove-file"; readonly path: string };

/** The undo of a step, or undefined where there is nothing to take back. */
export function undoOf(step: SetupStep): UndoStep | undefined {
  switch (step.do) {
    case "make-directory":
      return { do: "remove-empty-directory", path: step.path };
    case "mount-filesystem":
    case "bind":
      return { do: "unmount", path: step.path };
    case "mark-ready":
      return { do: "remove-file", path: `${step.directory}/ready` };
    // What was created for a user stays: it may be in use by now. Ownership has no former value worth restoring.
    case "check-host-path":
    case "apply-group":
      return undefined;
  }
}

/** What exists at a hostPath, links followed. */
export type HostPathFinding =
  | "nothing"
  | "directory"
  | "file"
  | "socket"
  | "character-device"
  | "block-device"
  | "other";

export type HostPathDecision =
  | { readonly decision: "use" }
  | { readonly decision: "create-directory" }
  | { readonly decision: "create-file" }
  | { readonly decision: "refuse"; readonly reason: string };

const NEEDED: Readonly<Record<Exclude<HostPathType, "">, readonly [HostPathFinding, string]>> = {
  DirectoryOrCreate: ["directory", "a directory"],
  Directory: ["directory", "a directory"],
  FileOrCreate: ["file", "a file"],
  File: ["file", "a file"],
  Socket: ["socket", "a socket file"],
  CharDevice: ["character-device", "a character device"],
  BlockDevice: ["block-device", "a block device"],
};

/** Whether a hostPath volume may use what is (not) there. */
export function decideHostPath(path: string, type: HostPathType, found: HostPathFinding): HostPathDecision {
  if (type === "") return { decision: "use" };
  if (found === "nothing" && type === "DirectoryOrCreate") return { decision: "create-directory" };
  if (found === "nothing" && type === "FileOrCreate") return { decision: "create-file" };
  const [needed, text] = NEEDED[type];
  if (found === needed) return { decision: "use" };
  return { decision: "refuse", reason: `hostPath type check failed: ${path} is not ${text}` };
}

export function isHostPathType(text: string): text is HostPathType {
  return HOST_PATH_TYPES.some((type) => type === text);
}
