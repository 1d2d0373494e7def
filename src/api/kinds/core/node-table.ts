import type { Node } from "../../types.ts";
import { column, tableWithAge, wideColumn } from "../table.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";
const ROLE_LABEL = "kubernetes.io/role";

function rolesOf(node: Node): readonly string[] {
  const roles = Object.entries(node.metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return [key.slice(ROLE_PREFIX.length)];
    return key === ROLE_LABEL ? [value] : [];
  });
  return [...new Set(roles.filter((role) => role !== ""))].sort();
}

function statusOf(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  const readiness = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${readiness},SchedulingDisabled` : readiness;
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === "" ? "<unknown>" : text;
}

function cellsOf(node: Node): readonly unknown[] {
  const info = node.status?.nodeInfo;
  const architecture = info?.architecture ?? "";
  const kernel = orUnknown(info?.kernelVersion);
  return [
    info?.kubeletVersion ?? "",
    addressOf(node, "InternalIP"),
    addressOf(node, "ExternalIP"),
    orUnknown(info?.osImage),
    architecture === "" ? kernel : `${kernel} (${architecture})`,
    orUnknown(info?.containerRuntimeVersion),
  ];
}

export const nodeTable = tableWithAge(
  [column("Status"), column("Roles")],
  (object) => {
    const node = object as Node;
    return [statusOf(node), rolesOf(node).join(",") || "<none>", ...cellsOf(node)];
  },
  [
    column("Version"),
    wideColumn("Internal-IP"),
    wideColumn("External-IP"),
    wideColumn("OS-Image"),
    wideColumn("Kernel-Version"),
    wideColumn("Container-Runtime"),
  ],
);
