import { fill } from "../fill.ts";

/** Defaults of the volume sources that pods and PersistentVolumes share, by field name. */
export const SOURCE_DEFAULTS = {
  hostPath: <T extends { readonly type?: string }>(source: T): T => ({ type: "", ...source }),
  iscsi: <T extends { readonly iscsiInterface?: string }>(source: T): T =>
    fill<{ readonly iscsiInterface?: string }>(source, { iscsiInterface: "default" }) as T,
  rbd: <T extends { readonly pool?: string; readonly user?: string; readonly keyring?: string }>(source: T): T =>
    fill<object>(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }) as T,
  scaleIO: <T extends { readonly storageMode?: string; readonly fsType?: string }>(source: T): T =>
    fill<object>(source, { storageMode: "ThinProvisioned", fsType: "xfs" }) as T,
  azureDisk: <T extends object>(source: T): T => ({
    cachingMode: "ReadWrite",
    fsType: "ext4",
    readOnly: false,
    kind: "Shared",
    ...source,
  }),
};
