import type { CSINode, Node } from "../../api/types.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

/** A driver of this node as CSINode shows it. */
export interface NodeDriver {
  readonly name: string;
  readonly nodeId: string;
  /** 0: no limit. */
  readonly maximumVolumes: number;
  readonly topology: Readonly<Record<string, string>>;
}

type DriverEntry = NonNullable<NonNullable<CSINode["spec"]>["drivers"]>[number];

export const NODE_ID_ANNOTATION = "csi.volume.kubernetes.io/nodeid";
const LARGEST_COUNT = 2 ** 31 - 1;

/** The object of a node that has no driver yet; it goes with the node. */
export function emptyCsiNode(node: Node): CSINode {
  const { name = "", uid = "" } = node.metadata ?? {};
  return {
    metadata: { name, ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] },
    spec: { drivers: [] },
  };
}

/** The object with the driver in it; undefined when it already says so. */
export function withDriver(csiNode: CSINode, driver: NodeDriver): CSINode | undefined {
  const entry: DriverEntry = {
    name: driver.name,
    nodeID: driver.nodeId,
    topologyKeys: Object.keys(driver.topology).toSorted(),
    ...(driver.maximumVolumes > 0 && { allocatable: { count: Math.min(driver.maximumVolumes, LARGEST_COUNT) } }),
  };
  const before = csiNode.spec?.drivers ?? [];
  if (before.some((known) => sameEntry(known, entry))) return undefined;
  const others = before.filter(({ name }) => name !== driver.name);
  return { ...csiNode, spec: { ...csiNode.spec, drivers: [...others, entry] } };
}

export function withoutDriver(csiNode: CSINode, name: string): CSINode | undefined {
  const before = csiNode.spec?.drivers ?? [];
  const drivers = before.filter((known) => known.name !== name);
  return drivers.length === before.length ? undefined : { ...csiNode, spec: { ...csiNode.spec, drivers } };
}

/** What a driver's arrival changes in the node's metadata; undefined for nothing. */
export function nodeMetadataWithDriver(
  node: Node,
  driver: NodeDriver,
): Result<{ readonly annotations: Record<string, string>; readonly labels: Record<string, string> } | undefined> {
  const ids = nodeIds(node);
  if (!ids.ok) return ids;
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(driver.topology)) {
    const known = node.metadata?.labels?.[key];
    if (known === value) continue;
    if (known !== undefined) {
      return failed(
        `detected topology value collision: driver reported "${key}":"${value}" but existing label is "${key}":"${known}"`,
      );
    }
    labels[key] = value;
  }
  if (ids.value[driver.name] === driver.nodeId && Object.keys(labels).length === 0) return ok(undefined);
  const text = JSON.stringify({ ...ids.value, [driver.name]: driver.nodeId });
  return ok({ annotations: { [NODE_ID_ANNOTATION]: text }, labels });
}

/** The annotation without a driver; null removes it, undefined: nothing to do. */
export function nodeIdsWithoutDriver(node: Node, name: string): Result<string | null | undefined> {
  const ids = nodeIds(node);
  if (!ids.ok) return ids;
  if (ids.value[name] === undefined) return ok(undefined);
  const { [name]: _, ...rest } = ids.value;
  return ok(Object.keys(rest).length === 0 ? null : JSON.stringify(rest));
}

function nodeIds(node: Node): Result<Readonly<Record<string, string>>> {
  const text = node.metadata?.annotations?.[NODE_ID_ANNOTATION] ?? "";
  if (text === "") return ok({});
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      return ok(Object.fromEntries(Object.entries(value).map(([key, id]) => [key, String(id)])));
    }
  } catch {
    // Said below.
  }
  return failed(`annotation ${NODE_ID_ANNOTATION} of node ${node.metadata?.name ?? ""} is not a JSON object: ${text}`);
}

function sameEntry(left: DriverEntry, right: DriverEntry): boolean {
  const keys = left.topologyKeys ?? [];
  return (
    left.name === right.name &&
    left.nodeID === right.nodeID &&
    left.allocatable?.count === right.allocatable?.count &&
    keys.length === (right.topologyKeys ?? []).length &&
    keys.every((key) => right.topologyKeys?.includes(key) === true)
  );
}
