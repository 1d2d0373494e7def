import { compareQuantities, parseQuantity } from "../../../lib/quantity.ts";
import {
  IMMUTABLE,
  forbiddenField,
  invalidFor,
  invalidValue,
  notSupported,
  required,
  when,
} from "../../field-error.ts";
import { labelKeyProblems } from "../../names.ts";
import { hasInvalidLabelValue } from "../../label-selector-rules.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PersistentVolumeClaim, Unchecked } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import { validateAmount } from "../pods/validate-resources.ts";
import type { FeatureGates } from "../../feature-gates.ts";
import type { KindContext } from "../definition.ts";
import { attributesClassGateErrors } from "../volumes/attributes-class-gate.ts";
import { BETA_CLASS_ANNOTATION } from "./access-modes.ts";
import { validateClaimSpec } from "./validate-claim.ts";
import type { ClaimRules, ClaimSpec } from "./validate-claim.ts";
import { negativeAmountErrors } from "../volumes/negative-amount.ts";

type Claim = Unchecked<PersistentVolumeClaim>;

type Amounts = Readonly<Record<string, string>>;

const RESIZE_STATES = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
];

function storageOf(amounts: Readonly<Record<string, string | undefined>> | undefined): string {
  return amounts?.["storage"] ?? "0";
}

function isLess(a: string, b: string): boolean {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  return left.ok && right.ok && compareQuantities(left.value, right.value) < 0;
}

function ratchet(old: ClaimSpec): ClaimRules {
  return {
    areInvalidSelectorValuesAllowed: hasInvalidLabelValue(old.selector),
    areInvalidGroupsAllowed: old.dataSource?.apiGroup !== undefined || old.dataSourceRef?.apiGroup !== undefined,
  };
}

/** A claim without a class may get one: any, or the one its annotation of old names. */
function isClassFilledIn({ spec }: Claim, old: Claim): boolean {
  const annotated = annotationOf(old);
  const isFree = annotated === undefined || annotated === spec?.storageClassName;
  return old.spec?.storageClassName === undefined && spec?.storageClassName !== undefined && isFree;
}

function annotationOf({ metadata }: Claim): string | undefined {
  return (metadata?.annotations as Amounts | undefined)?.[BETA_CLASS_ANNOTATION];
}

/** The annotation stays, unless the field says the same from now on. */
function annotationErrors(claim: Claim, old: Claim): readonly FieldError[] {
  const [now, before] = [annotationOf(claim), annotationOf(old)];
  const isMoved = now === undefined && before !== undefined && isClassFilledIn(claim, old);
  const isChanged = (now ?? "") !== (before ?? "");
  const field = `metadata.annotations.${BETA_CLASS_ANNOTATION}`;
  return when(isChanged && !isMoved, invalidValue(field, now ?? "", IMMUTABLE));
}

/** The claim with all that may change taken back. */
function maskedSpec(claim: Claim, whole: Claim): ClaimSpec {
  const old = whole.spec ?? {};
  const spec = claim.spec ?? {};
  const isBound = claim.status?.phase === "Bound";
  const requests = { ...spec.resources?.requests, storage: storageOf(old.resources?.requests) };
  return {
    ...spec,
    ...((old.volumeName ?? "") === "" && { volumeName: old.volumeName }),
    ...(isClassFilledIn(claim, whole) && { storageClassName: undefined }),
    ...(isBound && {
      resources: { ...spec.resources, requests },
      volumeAttributesClassName: old.volumeAttributesClassName,
    }),
  };
}

function sizeErrors(claim: Claim, old: Claim, gates: FeatureGates): readonly FieldError[] {
  const size = storageOf(claim.spec?.resources?.requests);
  if (!isLess(size, storageOf(old.spec?.resources?.requests))) return [];
  const isAboveCapacity = isLess(storageOf(old.status?.capacity), size);
  const field = "spec.resources.requests.storage";
  if (!gates.enabled("RecoverVolumeExpansionFailure")) {
    return [forbiddenField(field, "field can not be less than previous value")];
  }
  return when(!isAboveCapacity, forbiddenField(field, "field can not be less than status.capacity"));
}

function classErrors(claim: Claim, old: Claim): readonly FieldError[] {
  const name = claim.spec?.volumeAttributesClassName;
  const isApplied = old.status?.currentVolumeAttributesClassName !== undefined;
  if (!isApplied || name === old.spec?.volumeAttributesClassName || (name !== undefined && name !== "")) return [];
  const what = name === undefined ? "nil" : "empty string";
  const text = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  return [forbiddenField("spec.volumeAttributesClassName", text)];
}

/** A claim is fixed but for its size, its attributes class, and what the binder fills in. */
export function validateClaimUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  { gates }: KindContext,
): readonly FieldError[] {
  const [claim, old] = [object as Claim, oldObject as Claim];
  const before = old.spec ?? {};
  const [left, right] = [before, maskedSpec(claim, old)].map((spec) => normalize("V1PersistentVolumeClaimSpec", spec));
  const text = `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${unifiedDiff(left, right)}`;
  return [
    ...annotationErrors(claim, old),
    ...validateClaimSpec(claim.spec ?? {}, "spec", ratchet(before)),
    ...when(!deepEqual(left, right), forbiddenField("spec", text)),
    ...sizeErrors(claim, old, gates),
    ...when(
      claim.spec?.volumeMode !== before.volumeMode,
      invalidValue("volumeMode", claim.spec?.volumeMode, IMMUTABLE),
    ),
    ...attributesClassGateErrors(claim.spec ?? {}, before, gates),
    ...classErrors(claim, old),
  ];
}

export function validateClaimStatus(object: KubernetesObject): readonly FieldError[] {
  const { spec, status } = object as Claim;
  return [
    ...when((spec?.accessModes ?? []).length === 0, required("Spec.accessModes")),
    ...Object.entries((status?.capacity ?? {}) as Amounts).flatMap(([name, amount]) =>
      negativeAmountErrors(amount, `status.capacity[${name}]`),
    ),
    ...Object.entries((status?.allocatedResourceStatuses ?? {}) as Amounts).flatMap(([name, state]) => [
      ...resourceErrors(name, "status.allocatedResourceStatuses"),
      // The field names the resource, not its state, as upstream does.
      ...when(!RESIZE_STATES.includes(state), notSupported("status.allocatedResourceStatuses", name, RESIZE_STATES)),
    ]),
    ...Object.entries((status?.allocatedResources ?? {}) as Amounts).flatMap(([name, amount]) => {
      const problems = resourceErrors(name, "status.allocatedResources");
      if (problems.length > 0) return problems;
      const field = `status.allocatedResources[${name}]`;
      const negative = negativeAmountErrors(amount, field);
      return negative.length > 0 ? negative : validateAmount("storage", amount, field);
    }),
  ];
}

/** Storage, or a resource of somebody else. */
function resourceErrors(name: string, field: string): readonly FieldError[] {
  const problems = invalidFor(field, name, labelKeyProblems(name));
  if (problems.length > 0) return problems;
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  return when(isNative && name !== "storage", notSupported(field, name, ["storage"]));
}
