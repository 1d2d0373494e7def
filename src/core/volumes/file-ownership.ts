import { containersOf } from "../../api/pod.ts";
import type { Pod } from "../../api/types.ts";

/** Group access of a volume: the pod's fsGroup, and whether pods may only read. */
export interface GroupAccess {
  readonly group: number;
  readonly readOnly: boolean;
}

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY = 0o2110;

/** Mode of a file or directory after fsGroup was applied; links have none. */
export function modeForGroup(mode: number, kind: "file" | "directory", access: GroupAccess | undefined): number {
  if (access === undefined) return mode;
  return mode | (access.readOnly ? READ_ONLY : READ_WRITE) | (kind === "directory" ? DIRECTORY : 0);
}

/** With the policy OnRootMismatch, whether the root already looks right, so that the files below are left alone. */
export function rootMatchesGroup(root: { readonly gid: number; readonly mode: number }, access: GroupAccess): boolean {
  const needed = (access.readOnly ? READ_ONLY : READ_WRITE) | DIRECTORY;
  return root.gid === access.group && (root.mode & needed) === needed;
}

/** The one user all containers run as; undefined when one does not say or they differ. Owner of token files. */
export function fileUserOf(pod: Pod): number | undefined {
  const podUser = pod.spec?.securityContext?.runAsUser;
  const users = new Set(containersOf(pod.spec).map((container) => container.securityContext?.runAsUser ?? podUser));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}
