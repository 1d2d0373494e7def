/** What SELinux is like on this host. Injectable, so that everything but the kernel's own part runs anywhere. */
export interface HostSELinux {
  /**
   * Whether SELinux labels processes and files here, permissive included; read once. `contextsFile` is the text of the
   * operating system's defaults for containers, undefined when there is no such file.
   */
  read(
    signal: AbortSignal,
  ): Promise<{ readonly active: false } | { readonly active: true; readonly contextsFile: string | undefined }>;
  /** Whether the loaded policy knows the label. Throws when it can not tell. */
  isKnown(label: string, signal: AbortSignal): Promise<boolean>;
}
