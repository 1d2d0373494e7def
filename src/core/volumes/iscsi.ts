import type { PersistentVolume, Volume } from "../../api/types.ts";

/** As it stands in a pod, or in a persistent volume. */
export type IscsiSource = NonNullable<Volume["iscsi"]> | NonNullable<NonNullable<PersistentVolume["spec"]>["iscsi"]>;

/** An iSCSI disk as the kubelet attaches it. */
export interface IscsiTarget {
  /** With ports, the first is the one it is named by. */
  readonly portals: readonly string[];
  readonly iqn: string;
  readonly lun: number;
  /** Interface of open-iscsi, "default" unless the volume says otherwise. */
  readonly interfaceName: string;
  /** Who to log in as; absent: as the interface says. */
  readonly initiatorName?: string;
  /** Absent: no CHAP. */
  readonly chap?: { readonly discovery: boolean; readonly session: boolean };
}

const PORT = "3260";

/** A portal without a port means the usual one. */
export function portalWithPort(portal: string): string {
  if (portal.startsWith("[")) return portal.endsWith("]") ? `${portal}:${PORT}` : portal;
  return portal.includes(":") ? portal : `${portal}:${PORT}`;
}

/** @param volumeName of the persistent volume, or of the volume in the pod */
export function iscsiTargetOf(iscsi: IscsiSource, volumeName: string): IscsiTarget {
  const portals = [...new Set([iscsi.targetPortal, ...(iscsi.portals ?? [])].map(portalWithPort))];
  const { initiatorName, chapAuthDiscovery = false, chapAuthSession = false } = iscsi;
  const own = `${portals[0] ?? ""}:${volumeName}`;
  return {
    portals,
    iqn: iscsi.iqn,
    lun: iscsi.lun,
    // With a name of its own it logs in through an interface of its own, named as upstream names it.
    interfaceName: initiatorName === undefined ? (iscsi.iscsiInterface ?? "default") : own,
    ...(initiatorName !== undefined && { initiatorName }),
    ...((chapAuthDiscovery || chapAuthSession) && {
      chap: { discovery: chapAuthDiscovery, session: chapAuthSession },
    }),
  };
}

/** Below ROOT/plugins/kubernetes.io/iscsi, as upstream. */
export function iscsiFolder({ interfaceName, portals, iqn, lun }: IscsiTarget): string {
  return `iface-${interfaceName}/${portals[0] ?? ""}-${iqn}-lun-${lun}`;
}

/** iscsi.json in upstream's form; it lies below the mount and is seen when the disk is unmounted. */
export function formatIscsiFile(target: IscsiTarget, volumeName: string): string {
  const { portals, iqn, lun, interfaceName, initiatorName } = target;
  const text = {
    VolName: volumeName,
    Portals: portals,
    Iqn: iqn,
    Lun: String(lun),
    InitIface: initiatorName === undefined ? interfaceName : "default",
    Iface: interfaceName,
    InitiatorName: initiatorName ?? "",
  };
  return `${JSON.stringify(text)}\n`;
}

/** undefined when it can not be understood. */
export function parseIscsiFile(text: string): IscsiTarget | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const at = (key: string): unknown => Reflect.get(value, key);
  const [portals, iqn, lun, interfaceName, initiatorName] = [
    at("Portals"),
    at("Iqn"),
    Number(at("Lun")),
    at("Iface"),
    at("InitiatorName"),
  ];
  if (!Array.isArray(portals) || typeof iqn !== "string" || !Number.isInteger(lun)) return undefined;
  return {
    portals: portals.map(String),
    iqn,
    lun,
    interfaceName: typeof interfaceName === "string" ? interfaceName : "default",
    ...(typeof initiatorName === "string" && initiatorName !== "" && { initiatorName }),
  };
}
