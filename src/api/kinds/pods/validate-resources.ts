import { compareQuantities, isWhole, parseQuantity, wholeUnits } from "../../../lib/quantity.ts";
import type { Quantity } from "../../../lib/quantity.ts";
import {
  NOT_NEGATIVE,
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  notFoundValue,
  notSupported,
  required,
  when,
} from "../../field-error.ts";
import { dnsLabelProblems, labelKeyProblems } from "../../names.ts";
import { containerLimits, containerRequests, isPodLevelResource } from "../../pod-resources.ts";
import type { Resources } from "../../pod-resources.ts";
import type { FieldError } from "../../status-error.ts";
import type { PodSpec } from "../../types.ts";
import type { AnyContainer, AnyPodSpec, PodRules } from "./pod-rules.ts";

type Requirements = NonNullable<AnyContainer["resources"]>;
type Amounts = Readonly<Record<string, string>>;

const CONTAINER_RESOURCES: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);
const STANDARD_RESOURCES: ReadonlySet<string> = new Set([
  ...CONTAINER_RESOURCES,
  "storage",
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
  ...["cpu", "memory", "ephemeral-storage", "storage"].map((name) => `requests.${name}`),
  ...["cpu", "memory", "ephemeral-storage"].map((name) => `limits.${name}`),
]);
const COUNTED_RESOURCES: ReadonlySet<string> = new Set([
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);

const HUGE_PAGES = "hugepages-";

function isHugePages(name: string): boolean {
  return name.startsWith(HUGE_PAGES);
}

/** Unprefixed names and those of kubernetes.io. */
function isNative(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith("requests.") && labelKeyProblems(`requests.${name}`).length === 0;
}

function isOvercommittable(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

function nameErrors(name: string, field: string): readonly FieldError[] {
  const problems = labelKeyProblems(name);
  if (problems.length > 0) return invalidFor(field, name, problems);
  const isStandard = STANDARD_RESOURCES.has(name) || isHugePages(name) || name.startsWith(`requests.${HUGE_PAGES}`);
  const text = "must be a standard resource type or fully qualified";
  return when(!name.includes("/") && !isStandard, invalidValue(field, name, text));
}

function containerNameErrors(name: string, field: string): readonly FieldError[] {
  const errors = nameErrors(name, field);
  if (!name.includes("/")) {
    const isContainers = CONTAINER_RESOURCES.has(name) || isHugePages(name);
    return [...errors, ...when(!isContainers, invalidValue(field, name, "must be a standard resource for containers"))];
  }
  const text = "doesn't follow extended resource name standard";
  return [...errors, ...when(!isNative(name) && !isExtended(name), invalidValue(field, name, text))];
}

function podNameErrors(name: string, field: string): readonly FieldError[] {
  const errors = nameErrors(name, field);
  if (errors.length > 0) return errors;
  return when(!isPodLevelResource(name), notSupported(field, name, ["cpu", "hugepages-", "memory"]));
}

/** Amounts of a resource: not negative; whole numbers for things that are counted. */
export function validateAmount(name: string, amount: string, field: string): readonly FieldError[] {
  const parsed = parseQuantity(amount);
  if (!parsed.ok) return [invalidValue(field, amount, parsed.reason)];
  const isCounted = COUNTED_RESOURCES.has(name) || isExtended(name);
  return [
    ...when(parsed.value.nanos < 0n, invalidValue(field, amount, NOT_NEGATIVE)),
    ...when(isCounted && !isWhole(parsed.value), invalidValue(field, amount, "must be an integer")),
  ];
}

/** An amount of huge pages that is no multiple of their size. */
export function isOddHugePageAmount(name: string, amount: string): boolean {
  if (!isHugePages(name)) return false;
  const size = parseQuantity(name.slice(HUGE_PAGES.length));
  const parsed = parseQuantity(amount);
  if (!size.ok || !parsed.ok || size.value.nanos <= 0n || !isWhole(size.value)) return true;
  return wholeUnits(parsed.value) % wholeUnits(size.value) !== 0n;
}

function amountErrors(
  amounts: Amounts,
  field: string,
  names: (name: string, field: string) => readonly FieldError[],
  rules: Pick<PodRules, "isAnyHugePageAmountAllowed">,
): readonly FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => {
    const at = `${field}[${name}]`;
    const isOdd = !rules.isAnyHugePageAmountAllowed && isOddHugePageAmount(name, amount);
    return [
      ...names(name, at),
      ...validateAmount(name, amount, at),
      ...when(isOdd, invalidValue(at, amount, `${amount} is not positive integer multiple of ${name}`)),
    ];
  });
}

function read(amount: string | undefined): Quantity | undefined {
  const parsed = amount === undefined ? undefined : parseQuantity(amount);
  return parsed?.ok === true ? parsed.value : undefined;
}

function requestErrors(requests: Amounts, limits: Amounts, field: string): readonly FieldError[] {
  return Object.entries(requests).flatMap(([name, amount]) => {
    const [request, limit] = [read(amount), read(limits[name])];
    if (limits[name] === undefined) {
      return when(
        !isOvercommittable(name),
        required(`${field}.limits`, "Limit must be set for non overcommitable resources"),
      );
    }
    if (request === undefined || limit === undefined) return [];
    const order = compareQuantities(request, limit);
    const at = `${field}.requests`;
    const shown = `${name} limit of ${limits[name] ?? ""}`;
    if (order !== 0 && !isOvercommittable(name)) return [invalidValue(at, amount, `must be equal to ${shown}`)];
    return when(order > 0, invalidValue(at, amount, `must be less than or equal to ${shown}`));
  });
}

function claimErrors(claims: Requirements["claims"], known: ReadonlySet<string>, field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return (claims ?? []).flatMap(({ name = "", request = "" }, i) => {
    const at = `${field}[${i}]`;
    if (name === "") return [required(at)];
    const key = request === "" ? name : `${name}/${request}`;
    const isTwice =
      seen.has(name) || seen.has(key) || (request === "" && [...seen].some((other) => other.startsWith(`${name}/`)));
    seen.add(key);
    const missing = notFoundValue(at, name);
    const names = known.size === 0 ? " which is empty" : `: ${[...known].sort().join(", ")}`;
    const detail = `must be one of the names in pod.spec.resourceClaims${names}`;
    return [
      ...(request === "" ? [] : invalidFor(`${at}.request`, request, dnsLabelProblems(request))),
      ...when(isTwice, duplicate(at, seen.has(name) && request !== "" ? name : key)),
      ...when(!known.has(name), { ...missing, message: `${missing.message}: ${detail}` }),
    ];
  });
}

function validateRequirements(
  requirements: Requirements,
  names: (name: string, field: string) => readonly FieldError[],
  claims: ReadonlySet<string>,
  field: string,
  rules: Pick<PodRules, "isAnyHugePageAmountAllowed">,
): readonly FieldError[] {
  const limits = (requirements.limits ?? {}) as Amounts;
  const requests = (requirements.requests ?? {}) as Amounts;
  const all = [...Object.keys(limits), ...Object.keys(requests)];
  const isLonely = all.some(isHugePages) && !all.includes("cpu") && !all.includes("memory");
  return [
    ...amountErrors(limits, `${field}.limits`, names, rules),
    ...amountErrors(requests, `${field}.requests`, names, rules),
    ...requestErrors(requests, limits, field),
    ...when(isLonely, forbiddenField(field, "HugePages require cpu or memory")),
    ...claimErrors(requirements.claims, claims, `${field}.claims`),
  ];
}

export function validateContainerResources(
  requirements: Requirements | undefined,
  claims: ReadonlySet<string>,
  field: string,
  rules: PodRules,
): readonly FieldError[] {
  return requirements === undefined
    ? []
    : validateRequirements(requirements, containerNameErrors, claims, field, rules);
}

export function validateOverhead(overhead: Amounts, field: string): readonly FieldError[] {
  const rules = { isAnyHugePageAmountAllowed: false };
  return validateRequirements({ limits: overhead }, containerNameErrors, new Set(), field, rules);
}

function sumErrors(
  sums: Resources,
  own: Amounts,
  field: string,
  text: (sum: string) => string,
  applies: (name: string) => boolean,
  show: (quantity: Quantity) => string,
): readonly FieldError[] {
  return [...sums].flatMap(([name, sum]) => {
    const set = read(own[name]);
    if (set === undefined || !applies(name)) return [];
    return when(compareQuantities(sum, set) > 0, invalidValue(`${field}[${name}]`, own[name], text(show(sum))));
  });
}

/** Pod-level amounts must have room for those of the containers. */
export function validatePodResources(
  spec: AnyPodSpec,
  claims: ReadonlySet<string>,
  field: string,
  rules: PodRules,
  show: (quantity: Quantity) => string,
): readonly FieldError[] {
  const { resources } = spec;
  if (resources === undefined || !rules.arePodResourcesAllowed) return [];
  if (spec.os?.name === "windows") return [forbiddenField(field, "may not be set for a windows pod")];
  const requests = (resources.requests ?? {}) as Amounts;
  const limits = (resources.limits ?? {}) as Amounts;
  const readable = spec as PodSpec;
  return [
    ...when(
      resources.claims !== undefined,
      forbiddenField(`${field}.claims`, "claims may not be set for Resources at pod-level"),
    ),
    ...validateRequirements(resources, podNameErrors, claims, field, rules),
    ...sumErrors(
      containerRequests(readable),
      requests,
      `${field}.requests`,
      (sum) => `must be greater than or equal to aggregate container requests of ${sum}`,
      () => true,
      show,
    ),
    ...sumErrors(
      containerLimits(readable),
      limits,
      `${field}.limits`,
      (sum) => `must be greater than or equal to aggregate container limits of ${sum}`,
      isHugePages,
      show,
    ),
    ...(spec.containers ?? []).flatMap((container, i) =>
      Object.entries((container.resources?.limits ?? {}) as Amounts).flatMap(([name, amount]) => {
        const [inner, outer] = [read(amount), read(limits[name])];
        if (inner === undefined || outer === undefined) return [];
        const text = `must be less than or equal to pod limits of ${limits[name] ?? ""}`;
        const at = `${field}.containers[${i}][${name}].limits`;
        return when(compareQuantities(inner, outer) > 0, invalidValue(at, amount, text));
      }),
    ),
  ];
}
