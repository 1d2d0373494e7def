import { ZERO_QUANTITY, addQuantities, formatQuantity, maximumQuantity, quantityOf } from "../lib/quantity.ts";
import type { Quantity } from "../lib/quantity.ts";
import { isSidecar } from "./pod.ts";
import type { Container, PodSpec } from "./types.ts";

/** Amounts by resource name: "cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/device". */
export type Resources = ReadonlyMap<string, Quantity>;

type Written = Readonly<Record<string, string>>;

export const NO_RESOURCES: Resources = new Map();

/** Reads amounts as an object holds them. Throws RangeError for a text that is no quantity. */
export function readResources(written: Written | undefined): Resources {
  return new Map(Object.entries(written ?? {}).map(([name, text]) => [name, quantityOf(text)]));
}

export function writeResources(resources: Resources): Written {
  return Object.fromEntries([...resources].map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

function combine(a: Resources, b: Resources, how: (x: Quantity, y: Quantity) => Quantity): Resources {
  const result = new Map(a);
  for (const [name, quantity] of b) {
    const present = result.get(name);
    result.set(name, present === undefined ? quantity : how(present, quantity));
  }
  return result;
}

export function addResources(a: Resources, b: Resources): Resources {
  return combine(a, b, addQuantities);
}

/** The larger amount of each resource. */
export function maximumResources(a: Resources, b: Resources): Resources {
  return combine(a, b, maximumQuantity);
}

type ContainerLists = Partial<Pick<PodSpec, "containers" | "initContainers">>;

function aggregate(spec: ContainerLists, amountsOf: (container: Container) => Resources): Resources {
  let together: Resources = NO_RESOURCES;
  for (const container of spec.containers ?? []) together = addResources(together, amountsOf(container));
  let sidecars: Resources = NO_RESOURCES;
  let starting: Resources = NO_RESOURCES;
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsOf(container);
    if (isSidecar(container)) {
      together = addResources(together, amounts);
      sidecars = addResources(sidecars, amounts);
      starting = maximumResources(starting, sidecars);
    } else {
      starting = maximumResources(starting, addResources(amounts, sidecars));
    }
  }
  return maximumResources(together, starting);
}

/** What the containers ask for together: the larger of the running phase and each step of starting. */
export function containerRequests(spec: PodSpec): Resources {
  return aggregate(spec, (container) => readResources(container.resources?.requests));
}

export function containerLimits(spec: PodSpec): Resources {
  return aggregate(spec, (container) => readResources(container.resources?.limits));
}

/** Resources that can be set for a pod as a whole. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

function overridden(own: Resources, podLevel: Written | undefined): Resources {
  const result = new Map(own);
  for (const [name, quantity] of readResources(podLevel)) if (isPodLevelResource(name)) result.set(name, quantity);
  return result;
}

/** What the scheduler counts for a pod: containers or pod-level requests, plus overhead. */
export function podRequests(spec: PodSpec): Resources {
  const own = overridden(containerRequests(spec), spec.resources?.requests);
  return addResources(own, readResources(spec.overhead));
}

/** The pod's limits; overhead is added to those that are set and not zero. */
export function podLimits(spec: PodSpec): Resources {
  const own = overridden(containerLimits(spec), spec.resources?.limits);
  const result = new Map(own);
  for (const [name, quantity] of readResources(spec.overhead)) {
    const limit = own.get(name) ?? ZERO_QUANTITY;
    if (limit.nanos !== 0n) result.set(name, addQuantities(limit, quantity));
  }
  return result;
}
