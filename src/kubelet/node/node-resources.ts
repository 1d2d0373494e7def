import type { KubeletConfiguration } from "../../api/kubelet-configuration.ts";
import { writeResources } from "../../api/pod-resources.ts";
import {
  parseQuantity,
  type Quantity,
  quantityFromInteger,
  subtractQuantities,
  wholeUnits,
  ZERO_QUANTITY,
} from "../../lib/quantity.ts";
import type { FilesystemUsage, MachineInformation } from "../../ports/host-facts.ts";
import { evictionThresholds, type EvictionThresholds, thresholdBytes } from "./eviction-thresholds.ts";

/** Resource name to quantity text. */
export type ResourceTexts = Readonly<Record<string, string>>;

export interface NodeResources {
  readonly capacity: ResourceTexts;
  /** Capacity without what is kept for the system, for Kubernetes itself and for the eviction thresholds. */
  readonly allocatable: ResourceTexts;
  /** What all pods together may use in bytes; thresholds are not taken off: they are for evicting, not for killing. */
  readonly enforcedMemoryBytes: number;
}

export type NodeResourceSettings = Pick<
  KubeletConfiguration,
  "maxPods" | "podsPerCore" | "systemReserved" | "kubeReserved" | "evictionHard" | "localStorageCapacityIsolation"
>;

/** What the node has and what of it pods may ask for. */
export function nodeResources(
  machine: Pick<MachineInformation, "cpus" | "memoryBytes" | "hugepages">,
  rootFilesystem: FilesystemUsage | undefined,
  settings: NodeResourceSettings,
): NodeResources {
  const pods =
    settings.podsPerCore > 0 ? Math.min(machine.cpus * settings.podsPerCore, settings.maxPods) : settings.maxPods;
  const hugepages = machine.hugepages.map(
    ({ pageSizeBytes, bytes }) =>
      [`hugepages-${pageSizeText(pageSizeBytes)}`, quantityFromInteger(bytes, "binary")] as const,
  );
  const capacity = new Map<string, Quantity>([
    ["cpu", quantityFromInteger(machine.cpus)],
    ["memory", quantityFromInteger(machine.memoryBytes, "binary")],
    ["pods", quantityFromInteger(pods)],
    ...(settings.localStorageCapacityIsolation && rootFilesystem !== undefined
      ? [["ephemeral-storage", quantityFromInteger(rootFilesystem.capacityBytes, "binary")] as const]
      : []),
    ...hugepages,
  ]);
  const thresholds = evictionThresholds(settings.evictionHard);
  const allocatable = new Map(
    [...capacity].map(([name, amount]) => {
      const kept = [
        reserved(settings.systemReserved, name),
        reserved(settings.kubeReserved, name),
        evictionShare(thresholds, name, amount),
      ];
      return [name, notNegative(kept.reduce(subtractQuantities, amount))];
    }),
  );
  // Huge pages come out of the same memory.
  const memory = hugepages.reduce(
    (left, [, amount]) => subtractQuantities(left, amount),
    allocatable.get("memory") ?? ZERO_QUANTITY,
  );
  allocatable.set("memory", notNegative(memory));
  const enforced = subtractQuantities(
    subtractQuantities(capacity.get("memory") ?? ZERO_QUANTITY, reserved(settings.systemReserved, "memory")),
    reserved(settings.kubeReserved, "memory"),
  );
  return {
    capacity: writeResources(capacity),
    allocatable: writeResources(allocatable),
    enforcedMemoryBytes: Number(wholeUnits(notNegative(enforced))),
  };
}

function reserved(amounts: ResourceTexts, name: string): Quantity {
  const parsed = parseQuantity(amounts[name] ?? "0");
  return parsed.ok ? parsed.value : ZERO_QUANTITY;
}

function evictionShare(thresholds: EvictionThresholds, name: string, capacity: Quantity): Quantity {
  const signal = name === "memory" ? "memory.available" : name === "ephemeral-storage" ? "nodefs.available" : undefined;
  const threshold = signal === undefined ? undefined : thresholds.get(signal);
  if (threshold === undefined) return ZERO_QUANTITY;
  return quantityFromInteger(Math.floor(thresholdBytes(threshold, Number(wholeUnits(capacity)))), "binary");
}

function notNegative(amount: Quantity): Quantity {
  return amount.nanos < 0n ? { ...amount, nanos: 0n } : amount;
}

function pageSizeText(bytes: number): string {
  return writeResources(new Map([["size", quantityFromInteger(bytes, "binary")]]))["size"] ?? "";
}
