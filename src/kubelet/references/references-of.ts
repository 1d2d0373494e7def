import { containersOf } from "../../api/pod.ts";
import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";

/** Names of the ConfigMaps and Secrets a pod refers to, in its own namespace. */
export interface NamedReferences {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

/** Everything in a pod that names a ConfigMap or a Secret: environment, volumes, pull secrets. */
export function referencesOf(pod: Pod): NamedReferences {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const spec = pod.spec;
  for (const container of containersOf(spec)) addEnvironment(container, configMaps, secrets);
  for (const { name } of spec?.imagePullSecrets ?? []) add(secrets, name);
  for (const volume of spec?.volumes ?? []) {
    add(configMaps, volume.configMap?.name);
    add(secrets, volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      add(configMaps, source.configMap?.name);
      add(secrets, source.secret?.name);
    }
  }
  return { configMaps: [...configMaps], secrets: [...secrets] };
}

function addEnvironment(
  container: Container | EphemeralContainer,
  configMaps: Set<string>,
  secrets: Set<string>,
): void {
  for (const { valueFrom } of container.env ?? []) {
    add(configMaps, valueFrom?.configMapKeyRef?.name);
    add(secrets, valueFrom?.secretKeyRef?.name);
  }
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    add(configMaps, configMapRef?.name);
    add(secrets, secretRef?.name);
  }
}

function add(names: Set<string>, name: string | undefined): void {
  if (name !== undefined && name !== "") names.add(name);
}
