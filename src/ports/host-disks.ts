/** Where an iSCSI disk is, and how to reach it. */
export interface IscsiLogin {
  /** With ports. */
  readonly portals: readonly string[];
  readonly iqn: string;
  readonly lun: number;
  readonly interfaceName: string;
  /** The interface is made for this login, under this initiator name. */
  readonly initiatorName?: string;
  /** Settings of the login by the names of open-iscsi, without "node.session.auth."; kept out of argument lists. */
  readonly chap: Readonly<Record<string, string>>;
}

/** Disks that come over a storage network. Every wait has a limit; every call may find its work done. */
export interface HostDisks {
  /** Logs in and waits for the disk. @returns path of the block device, of the multipath device where there is one */
  attachIscsi(login: IscsiLogin, signal: AbortSignal): Promise<string>;
  /** Lets go of the disk, and logs out unless others of this target are in use (`keepSession`). */
  detachIscsi(login: IscsiLogin, keepSession: boolean, signal: AbortSignal): Promise<void>;
  /** Looks for a Fibre Channel disk by the name of its link, also after a scan of the bus. */
  findFibreChannel(links: { readonly folder: string; readonly name: RegExp }, signal: AbortSignal): Promise<string>;
  /** Takes a disk out of the kernel's list. */
  removeDisk(device: string, signal: AbortSignal): Promise<void>;
  /** Makes a file system on a disk that has nothing on it, else checks what is there. Never overwrites anything. */
  prepareFilesystem(device: string, fsType: string, readOnly: boolean, signal: AbortSignal): Promise<void>;
}
