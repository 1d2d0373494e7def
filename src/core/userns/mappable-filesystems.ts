/** Major and minor version of a kernel. */
export type KernelVersion = readonly [number, number];

export type Mappability =
  | { readonly mappable: "yes" | "unknown" }
  | { readonly mappable: "no"; readonly reason: string };

/** First kernels that can ID-map mounts of a filesystem (user-namespaces.md 7.5). */
const SINCE: Readonly<Record<string, KernelVersion>> = {
  ext4: [5, 12],
  xfs: [5, 12],
  vfat: [5, 12],
  msdos: [5, 12],
  btrfs: [5, 15],
  ntfs3: [5, 15],
  f2fs: [5, 18],
  erofs: [5, 19],
  squashfs: [6, 2],
  tmpfs: [6, 3],
  ceph: [6, 7],
  hugetlbfs: [6, 9],
};
/** Here it also takes a daemon that supports it, which nothing tells. */
const FUSE_SINCE: KernelVersion = [6, 12];
const NEVER: ReadonlySet<string> = new Set([
  "9p",
  "afs",
  "autofs",
  "binfmt_misc",
  "bpf",
  "cgroup",
  "cgroup2",
  "cifs",
  "configfs",
  "debugfs",
  "devpts",
  "devtmpfs",
  "efivarfs",
  "fusectl",
  "mqueue",
  "nfs",
  "nfs4",
  "overlay",
  "proc",
  "pstore",
  "ramfs",
  "rpc_pipefs",
  "securityfs",
  "smb3",
  "sysfs",
  "tracefs",
]);

/** Whether mounts of a filesystem, named as in /proc/self/mountinfo, can be ID-mapped. */
export function mappabilityOf(filesystem: string, kernelIsAtLeast: (version: KernelVersion) => boolean): Mappability {
  if (NEVER.has(filesystem)) return { mappable: "no", reason: `${filesystem} can not be ID-mapped` };
  const isFuse = /^(fuse|fuseblk|virtiofs)(\.|$)/.test(filesystem);
  const since = isFuse ? FUSE_SINCE : SINCE[filesystem];
  if (since === undefined) return { mappable: "unknown" };
  if (!kernelIsAtLeast(since)) {
    return { mappable: "no", reason: `${filesystem} can not be ID-mapped before Linux ${since.join(".")}` };
  }
  return { mappable: isFuse ? "unknown" : "yes" };
}
