import type { QosClass } from "../../core/pods/qos-class.ts";

/** Who names control groups: plain folders, or systemd's slices. Must be what the container runtime uses. */
export type CgroupDriver = "cgroupfs" | "systemd";

const ROOT_NAME = "kubepods";

function partsOf(cgroupRoot: string): readonly string[] {
  return [...cgroupRoot.split("/").filter((name) => name !== ""), ROOT_NAME];
}

/** systemd encodes the path in the name: "-" separates levels, so it may not be in a component. */
function slices(parts: readonly string[]): string {
  const escaped = parts.map((part) => part.replaceAll("-", "_"));
  return escaped.map((_, index) => `/${escaped.slice(0, index + 1).join("-")}.slice`).join("");
}

function pathOf(parts: readonly string[], driver: CgroupDriver): string {
  return driver === "systemd" ? slices(parts) : `/${parts.join("/")}`;
}

/** The group that holds all pods of the node. */
export function nodeCgroup(cgroupRoot: string, driver: CgroupDriver): string {
  return pathOf(partsOf(cgroupRoot), driver);
}

/** The group all pods of a class are in; guaranteed pods are directly below the node's. */
export function qosCgroup(cgroupRoot: string, qos: QosClass, driver: CgroupDriver): string {
  return pathOf(qosParts(cgroupRoot, qos), driver);
}

export function podCgroup(cgroupRoot: string, qos: QosClass, podUid: string, driver: CgroupDriver): string {
  return pathOf([...qosParts(cgroupRoot, qos), `pod${podUid}`], driver);
}

function qosParts(cgroupRoot: string, qos: QosClass): readonly string[] {
  return qos === "Guaranteed" ? partsOf(cgroupRoot) : [...partsOf(cgroupRoot), qos.toLowerCase()];
}
