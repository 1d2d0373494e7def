import type { ConflictIndex } from "../../core/selinux/conflict-index.ts";
import { TOLD_ONE_BY_ONE } from "./conflict-events.ts";

/** New users of one volume that are looked at one by one; with more all its pods are. */
const FEW = 4;

/**
 * The pods that may have to be told of something after some pods began to use volumes: these, and those others that had so
 * few conflicts that they were told of each by itself. Others know already that they have many, and cost nothing here.
 *
 * @param newUsers UIDs
 * @returns UIDs
 */
export function whoToTell(index: ConflictIndex, newUsers: Iterable<string>): ReadonlySet<string> {
  const found = new Set(newUsers);
  const byVolume = new Map<string, string[]>();
  for (const uid of found) {
    for (const { volume } of index.usesOf(uid)) {
      const users = byVolume.get(volume);
      if (users === undefined) byVolume.set(volume, [uid]);
      else users.push(uid);
    }
  }
  for (const [volume, users] of byVolume) {
    if (!index.hasConflict(volume)) continue;
    if (users.length > FEW) for (const { pod } of index.membersOf(volume)) found.add(pod.uid);
    else for (const uid of users) addOthers(index, uid, found);
  }
  return found;
}

function addOthers(index: ConflictIndex, uid: string, found: Set<string>): void {
  for (const { other } of index.conflictsOf(uid, TOLD_ONE_BY_ONE + FEW)) found.add(other.uid);
}
