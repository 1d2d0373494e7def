export type FileKind = "file" | "directory" | "symlink" | "socket" | "block-device" | "character-device" | "fifo";

export interface FileInformation {
  readonly kind: FileKind;
  /** Permission bits with setuid, setgid and sticky: `mode & 0o7777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly device: number;
  readonly inode: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** An open file to read from, also while it grows or after it was renamed. */
export interface OpenFile {
  information(): Promise<FileInformation>;
  /** Up to `length` bytes at `offset`; empty at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The host's files, for reading. A missing file is OrlopError NotFound unless said otherwise. */
export interface FileReader {
  /** undefined when nothing is there. @param options.followLinks default false */
  information(path: string, options?: { readonly followLinks?: boolean }): Promise<FileInformation | undefined>;
  /** The whole content. Throws ResourceExhausted when it is longer than `limitBytes`. */
  read(path: string, limitBytes: number): Promise<Uint8Array>;
  list(path: string): Promise<readonly DirectoryEntry[]>;
  readLink(path: string): Promise<string>;
  /** The path with all symbolic links resolved. */
  realPath(path: string): Promise<string>;
  open(path: string): Promise<OpenFile>;
  /** Yields after something in the directory may have changed (bursts are one). Ends when the signal aborts. */
  changes(directory: string, signal: AbortSignal): AsyncIterable<void>;
}

/** The host's files, for writing. Never follows a symbolic link in the last component. */
export interface FileWriter {
  /** Creates it with exactly this mode (no umask), parents with 0750; true when it was not there before. */
  makeDirectory(path: string, mode: number): Promise<boolean>;
  /** Replaces the content: readers see the old or the new, also after a crash. Exactly this mode. */
  writeFile(path: string, data: Uint8Array | string, mode: number): Promise<void>;
  /** Replaces the content of the same inode, for a file that is bind-mounted. Neither atomic nor durable. */
  overwriteFile(path: string, data: Uint8Array | string): Promise<void>;
  /** A new file with exactly this mode, neither durable nor atomic. Throws AlreadyExists. */
  createFile(path: string, data: Uint8Array | string, mode: number): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file, a link or an empty directory; nothing there is fine. */
  remove(path: string): Promise<void>;
  /** A directory with all in it. Stops with Conflict at another filesystem; bind mounts are for the caller to rule out. */
  removeTree(path: string): Promise<void>;
  setAttributes(
    path: string,
    attributes: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
  ): Promise<void>;
}

export interface Files extends FileReader, FileWriter {}
