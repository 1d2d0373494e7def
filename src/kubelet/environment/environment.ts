import type { ConfigMap, Container, EnvVar, EphemeralContainer, Pod, Secret, Service } from "../../api/types.ts";
import { expandVariables } from "../../core/pods/expand-variables.ts";
import { type PodAddresses, resolveFieldReference } from "../../core/pods/field-reference.ts";
import { resourceFieldText } from "../../core/volumes/downward-api.ts";
import { OrlopError } from "../../lib/orlop-error.ts";
import type { PodReferences } from "../pod-volumes.ts";
import { serviceVariables } from "./service-variables.ts";

export interface EnvironmentDeps {
  readonly references: PodReferences;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly addresses: PodAddresses;
  /** Services whose addresses are announced, besides those of the container. */
  readonly services: readonly Service[];
  /** Of the node; limits that are not set stand for these. */
  readonly allocatable: Readonly<Record<string, string>>;
}

export type Environment = readonly { readonly name: string; readonly value: string }[];

/**
 * The environment of a container: envFrom first, then env in the order it is declared, services last. Throws OrlopError
 * with upstream's text when something it refers to does not exist and is not optional.
 */
export async function buildEnvironment(
  deps: EnvironmentDeps,
  input: EnvironmentInput,
  signal: AbortSignal,
): Promise<Environment> {
  const { pod, container } = input;
  const namespace = pod.metadata?.namespace ?? "";
  const services = serviceVariables(input.services);
  const values = new Map<string, string>();

  const configMap = async (name: string, optional: boolean): Promise<ConfigMap | undefined> => {
    const found = await deps.references.configMap(namespace, name, signal);
    if (found === undefined && !optional) throw missing(`configmap "${name}" not found`);
    return found;
  };
  const secret = async (name: string, optional: boolean): Promise<Secret | undefined> => {
    const found = await deps.references.secret(namespace, name, signal);
    if (found === undefined && !optional) throw missing(`secret "${name}" not found`);
    return found;
  };

  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef !== undefined) {
      const found = await configMap(configMapRef.name ?? "", configMapRef.optional === true);
      for (const [key, value] of sorted(found?.data)) values.set(prefix + key, value);
    } else if (secretRef !== undefined) {
      const found = await secret(secretRef.name ?? "", secretRef.optional === true);
      for (const [key, value] of sorted(found?.data)) values.set(prefix + key, decodeBase64(value));
    }
  }

  const resolve = async ({ valueFrom }: EnvVar): Promise<string | undefined> => {
    if (valueFrom?.fieldRef !== undefined) {
      const resolved = resolveFieldReference(valueFrom.fieldRef.fieldPath, pod, input.addresses);
      if (!resolved.ok) throw new OrlopError("Invalid", resolved.reason);
      return resolved.value;
    }
    if (valueFrom?.resourceFieldRef !== undefined) {
      const { containerName = container.name, resource, divisor } = valueFrom.resourceFieldRef;
      const reference = { containerName, resource, ...(divisor !== undefined && { divisor }) };
      const resolved = resourceFieldText(pod, reference, input.allocatable);
      if (!resolved.ok) throw new OrlopError("Invalid", resolved.reason);
      return resolved.value;
    }
    if (valueFrom?.configMapKeyRef !== undefined) {
      const { name = "", key, optional = false } = valueFrom.configMapKeyRef;
      const value = (await configMap(name, optional))?.data?.[key];
      if (value === undefined && !optional) {
        throw missing(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
      }
      return value;
    }
    if (valueFrom?.secretKeyRef !== undefined) {
      const { name = "", key, optional = false } = valueFrom.secretKeyRef;
      const value = (await secret(name, optional))?.data?.[key];
      if (value === undefined && !optional) throw missing(`couldn't find key ${key} in Secret ${namespace}/${name}`);
      return value === undefined ? undefined : decodeBase64(value);
    }
    if (valueFrom?.fileKeyRef !== undefined) {
      throw new OrlopError("Unsupported", "environment variables from files (fileKeyRef) are not supported yet");
    }
    return "";
  };

  for (const variable of container.env ?? []) {
    const value =
      variable.value !== undefined && variable.value !== ""
        ? expandVariables(variable.value, (name) => values.get(name) ?? services.get(name))
        : await resolve(variable);
    if (value !== undefined) values.set(variable.name, value);
  }
  for (const [name, value] of services) if (!values.has(name)) values.set(name, value);
  return [...values].map(([name, value]) => ({ name, value }));
}

function missing(message: string): OrlopError {
  return new OrlopError("NotFound", message);
}

function sorted(data: Readonly<Record<string, string>> | undefined): readonly (readonly [string, string])[] {
  return Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

function decodeBase64(text: string): string {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
