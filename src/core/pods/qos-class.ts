import type { Pod } from "../../api/types.ts";
import { compareQuantities, parseQuantity, type Quantity, ZERO_QUANTITY } from "../../lib/quantity.ts";
import { allContainers } from "./containers.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const COUNTED = ["cpu", "memory"] as const;

type Amounts = Readonly<Record<string, string>> | undefined;

function amount(amounts: Amounts, name: string): Quantity {
  const parsed = parseQuantity(amounts?.[name] ?? "0");
  return parsed.ok && parsed.value.nanos > 0n ? parsed.value : ZERO_QUANTITY;
}

/**
 * Guaranteed: every container limits CPU and memory and requests as much. BestEffort: nobody asks for anything.
 * Pod-level resources, where given, decide alone (KEP-2837).
 */
export function qosClassOf(pod: Pod): QosClass {
  const parts =
    pod.spec?.resources === undefined
      ? allContainers(pod)
          .filter(({ kind }) => kind !== "ephemeral")
          .map(({ container }) => container.resources)
      : [pod.spec.resources];
  let anything = false;
  let guaranteed = parts.length > 0;
  for (const part of parts) {
    for (const name of COUNTED) {
      const request = amount(part?.requests, name);
      const limit = amount(part?.limits, name);
      if (request.nanos > 0n || limit.nanos > 0n) anything = true;
      // A request that is absent defaults to the limit.
      const same = part?.requests?.[name] === undefined || compareQuantities(request, limit) === 0;
      if (limit.nanos === 0n || !same) guaranteed = false;
    }
  }
  if (!anything) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}
