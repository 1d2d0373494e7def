/** CSI's name of an access mode. @param multiWriter whether the driver has SINGLE_NODE_MULTI_WRITER */
export function csiAccessMode(
  mode: string,
  multiWriter: boolean,
):
  | "UNKNOWN"
  | "SINGLE_NODE_WRITER"
  | "MULTI_NODE_READER_ONLY"
  | "MULTI_NODE_MULTI_WRITER"
  | "SINGLE_NODE_SINGLE_WRITER"
  | "SINGLE_NODE_MULTI_WRITER" {
  switch (mode) {
    case "ReadWriteOnce":
      return multiWriter ? "SINGLE_NODE_MULTI_WRITER" : "SINGLE_NODE_WRITER";
    case "ReadOnlyMany":
      return "MULTI_NODE_READER_ONLY";
    case "ReadWriteMany":
      return "MULTI_NODE_MULTI_WRITER";
    case "ReadWriteOncePod":
      return multiWriter ? "SINGLE_NODE_SINGLE_WRITER" : "SINGLE_NODE_WRITER";
    default:
      return "UNKNOWN";
  }
}
