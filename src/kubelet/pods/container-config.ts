import type { Container, EphemeralContainer, Pod } from "../../api/types.ts";
import { expandVariables } from "../../core/pods/expand-variables.ts";
import type {
  ContainerConfig,
  ContainerMount,
  ContainerResources,
  ContainerSecurity,
} from "../../ports/container-runtime.ts";
import type { Environment } from "../environment/environment.ts";
import type { PodIdMapping } from "../pod-volumes.ts";
import { containerAnnotations, containerLabels } from "./labels.ts";
import { containerLogPath } from "./log-paths.ts";

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly attempt: number;
  /** The runtime's reference of the image. */
  readonly imageRef: string;
  readonly environment: Environment;
  readonly mounts: readonly ContainerMount[];
  readonly devices: ContainerConfig["devices"];
  readonly mapping: PodIdMapping | undefined;
  readonly security: ContainerSecurity;
  readonly resources: ContainerResources;
}

/** Everything the runtime is told about a container. */
export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, attempt, mapping } = input;
  const values = new Map(input.environment.map(({ name, value }) => [name, value]));
  const expand = (text: string): string => expandVariables(text, (name) => values.get(name));
  const stopSignal = container.lifecycle?.stopSignal;
  return {
    metadata: { name: container.name, attempt },
    image: { reference: input.imageRef, userSpecified: container.image ?? "" },
    command: (container.command ?? []).map(expand),
    args: (container.args ?? []).map(expand),
    workingDir: container.workingDir ?? "",
    env: input.environment,
    // In a user namespace every mount is mapped, also those of files the kubelet makes (KEP-127).
    mounts: mapping === undefined ? input.mounts : input.mounts.map((mount) => ({ ...mount, ...mapping })),
    devices: input.devices,
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, attempt),
    logPath: containerLogPath(container.name, attempt),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    resources: input.resources,
    security: input.security,
    ...(stopSignal !== undefined && { stopSignal }),
  };
}
