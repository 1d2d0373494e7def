/** Orlop's own CSI driver, by the name CSIDriver objects, StorageClasses and CSINodes know it. */
export const LOOP_DRIVER = "loop.csi.orlop.dev";

/** Node label and topology segment: the node where a volume's image is. */
export const LOOP_TOPOLOGY_KEY = "topology.loop.csi.orlop.dev/node";
