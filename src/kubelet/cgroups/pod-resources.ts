import type { Container, Pod } from "../../api/types.ts";
import { isSidecar } from "../../core/pods/containers.ts";
import { addQuantities, maximumQuantity, parseQuantity, type Quantity, ZERO_QUANTITY } from "../../lib/quantity.ts";

/** Resource name to amount. */
export type Amounts = ReadonlyMap<string, Quantity>;

type Texts = Readonly<Record<string, string>> | undefined;

function amountsOf(texts: Texts): Amounts {
  const amounts = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(texts ?? {})) {
    const parsed = parseQuantity(text);
    if (parsed.ok) amounts.set(name, parsed.value);
  }
  return amounts;
}

function combine(a: Amounts, b: Amounts, join: (x: Quantity, y: Quantity) => Quantity): Amounts {
  const result = new Map(a);
  for (const [name, amount] of b) result.set(name, join(result.get(name) ?? ZERO_QUANTITY, amount));
  return result;
}

const plus = (a: Amounts, b: Amounts): Amounts => combine(a, b, addQuantities);
const largest = (a: Amounts, b: Amounts): Amounts => combine(a, b, maximumQuantity);

/**
 * What a pod needs at its busiest: all containers and sidecars together, or one init container beside the sidecars
 * started before it, whichever is more.
 */
function aggregate(pod: Pod, listOf: (container: Container) => Texts): Amounts {
  let running: Amounts = new Map();
  for (const container of pod.spec?.containers ?? []) running = plus(running, amountsOf(listOf(container)));
  let sidecars: Amounts = new Map();
  let starting: Amounts = new Map();
  for (const container of pod.spec?.initContainers ?? []) {
    const own = amountsOf(listOf(container));
    if (isSidecar(container)) {
      running = plus(running, own);
      sidecars = plus(sidecars, own);
      starting = largest(starting, sidecars);
    } else starting = largest(starting, plus(own, sidecars));
  }
  return largest(running, starting);
}

/** Pod-level resources replace what its containers add up to (KEP-2837). */
function withPodLevel(amounts: Amounts, podLevel: Texts): Amounts {
  return new Map([...amounts, ...amountsOf(podLevel)]);
}

/** Requests of the whole pod, overhead included. */
export function podRequests(pod: Pod): Amounts {
  const own = withPodLevel(
    aggregate(pod, ({ resources }) => resources?.requests),
    pod.spec?.resources?.requests,
  );
  return plus(own, amountsOf(pod.spec?.overhead));
}

/** Limits of the whole pod; a resource without a limit gets none from the overhead. */
export function podLimits(pod: Pod): Amounts {
  const own = withPodLevel(
    aggregate(pod, ({ resources }) => resources?.limits),
    pod.spec?.resources?.limits,
  );
  const overhead = new Map([...amountsOf(pod.spec?.overhead)].filter(([name]) => own.has(name)));
  return plus(own, overhead);
}

/** Whether all containers, or the pod itself, limit the resource: only then has the pod a limit as a whole. */
export function hasLimit(pod: Pod, resource: string): boolean {
  const positive = (texts: Texts): boolean => (amountsOf(texts).get(resource)?.nanos ?? 0n) > 0n;
  if (positive(pod.spec?.resources?.limits)) return true;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.length > 0 && containers.every(({ resources }) => positive(resources?.limits));
}
