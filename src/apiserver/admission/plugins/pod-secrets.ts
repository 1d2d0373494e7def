import type { Container, Pod, ServiceAccount } from "../../../api/types.ts";

interface NamedContainer {
  readonly label: string;
  readonly container: Pick<Container, "name" | "env" | "envFrom">;
}

function containersOf({ spec }: Pod): readonly NamedContainer[] {
  return [
    ...(spec?.initContainers ?? []).map((container) => ({ label: "init container", container })),
    ...(spec?.containers ?? []).map((container) => ({ label: "container", container })),
    ...(spec?.ephemeralContainers ?? []).map((container) => ({ label: "ephemeral container", container })),
  ];
}

/** Whether a pod asks for the content of any Secret. */
export function namesSecrets(pod: Pod): boolean {
  const fromVolumes = (pod.spec?.volumes ?? []).some(
    (volume) =>
      volume.secret !== undefined ||
      volume.azureFile !== undefined ||
      volume.csi?.nodePublishSecretRef !== undefined ||
      [
        volume.cephfs,
        volume.cinder,
        volume.flexVolume,
        volume.iscsi,
        volume.rbd,
        volume.scaleIO,
        volume.storageos,
      ].some((source) => source?.secretRef !== undefined) ||
      (volume.projected?.sources ?? []).some(({ secret }) => secret !== undefined),
  );
  const fromEnvironment = containersOf(pod).some(
    ({ container }) =>
      (container.env ?? []).some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) ||
      (container.envFrom ?? []).some(({ secretRef }) => secretRef !== undefined),
  );
  return fromVolumes || fromEnvironment || (pod.spec?.imagePullSecrets ?? []).length > 0;
}

/** The first Secret a pod names that its account does not; undefined when there is none. */
export function forbiddenSecret(pod: Pod, account: ServiceAccount): string | undefined {
  const owner = account.metadata?.name ?? "";
  const known = new Set((account.secrets ?? []).map(({ name }) => name));
  const why = `is not allowed because service account ${owner} does not reference that secret`;
  for (const { secret } of pod.spec?.volumes ?? []) {
    if (secret !== undefined && !known.has(secret.secretName)) {
      return `volume with secret.secretName="${secret.secretName ?? ""}" ${why}`;
    }
  }
  for (const { label, container } of containersOf(pod)) {
    for (const { name, valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef;
      if (secret !== undefined && !known.has(secret.name)) {
        return `${label} ${container.name} with envVar ${name} referencing secret.secretName="${secret.name ?? ""}" ${why}`;
      }
    }
    for (const { secretRef } of container.envFrom ?? []) {
      if (secretRef !== undefined && !known.has(secretRef.name)) {
        return `${label} ${container.name} with envFrom referencing secret.secretName="${secretRef.name ?? ""}" ${why}`;
      }
    }
  }
  const pullable = new Set((account.imagePullSecrets ?? []).map(({ name }) => name));
  const index = (pod.spec?.imagePullSecrets ?? []).findIndex(({ name }) => !pullable.has(name));
  if (index < 0) return undefined;
  const name = pod.spec?.imagePullSecrets?.[index]?.name ?? "";
  return `imagePullSecrets[${index}].name="${name}" is not allowed because service account ${owner} does not reference that imagePullSecret`;
}
