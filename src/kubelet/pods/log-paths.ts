/** Where the runtime writes what containers print, as upstream lays it out. */

export function podLogDirectory(root: string, namespace: string, name: string, uid: string): string {
  return `${root}/${namespace}_${name}_${uid}`;
}

/** Relative to the pod's log directory. */
export function containerLogPath(container: string, attempt: number): string {
  return `${container}/${attempt}.log`;
}

/** The uid of the pod a log directory belongs to; undefined for a name of another shape. */
export function podUidOfLogDirectory(name: string): string | undefined {
  const parts = name.split("_");
  return parts.length === 3 ? parts[2] : undefined;
}
