import type { StorageClass } from "./types.ts";

export const DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class";
const IS_DEFAULT = [DEFAULT_CLASS_ANNOTATION, "storageclass.beta.kubernetes.io/is-default-class"];

export function isDefaultStorageClass({ metadata }: StorageClass): boolean {
  return IS_DEFAULT.some((annotation) => metadata?.annotations?.[annotation] === "true");
}

/** Name of the newest class that is marked as the default; the first by name among equally new ones. */
export function defaultStorageClassOf(classes: readonly StorageClass[]): string | undefined {
  const marked = classes
    .filter(isDefaultStorageClass)
    .map(({ metadata }) => ({ name: metadata?.name ?? "", created: Date.parse(metadata?.creationTimestamp ?? "") }))
    .sort((left, right) => right.created - left.created || (left.name < right.name ? -1 : 1));
  return marked[0]?.name;
}
