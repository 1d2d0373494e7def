const SHORT: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

/** `RWO,ROX`: the short forms in their usual order, each once. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return Object.entries(SHORT)
    .filter(([mode]) => modes?.includes(mode) === true)
    .map(([, short]) => short)
    .join(",");
}

export const BETA_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** The storage class of a volume or claim; an old annotation still wins over the field. */
export function storageClassOf(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string | undefined,
): string {
  return annotations?.[BETA_CLASS_ANNOTATION] ?? field ?? "";
}
