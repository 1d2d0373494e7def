import { compareQuantities, parseQuantity } from "../../../lib/quantity.ts";
import { IMMUTABLE, forbiddenField, invalidValue, required, when } from "../../field-error.ts";
import { hasInvalidLabelValue } from "../../label-selector-rules.ts";
import { deepEqual, normalize } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, PersistentVolumeClaim, Unchecked } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import { validateAmount } from "../pods/validate-resources.ts";
import { validateClaimSpec } from "./validate-claim.ts";
import type { ClaimRules, ClaimSpec } from "./validate-claim.ts";

type Claim = Unchecked<PersistentVolumeClaim>;

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

/** The claim with all that may change taken back. */
function maskedSpec(claim: Claim, old: ClaimSpec): ClaimSpec {
  const spec = claim.spec ?? {};
  const isBound = claim.status?.phase === "Bound";
  const requests = { ...spec.resources?.requests, storage: storageOf(old.resources?.requests) };
  return {
    ...spec,
    ...((old.volumeName ?? "") === "" && { volumeName: old.volumeName }),
    ...(old.storageClassName === undefined && { storageClassName: undefined }),
    ...(isBound && {
      resources: { ...spec.resources, requests },
      volumeAttributesClassName: old.volumeAttributesClassName,
    }),
  };
}

function sizeErrors(claim: Claim, old: Claim): readonly FieldError[] {
  const size = storageOf(claim.spec?.resources?.requests);
  if (!isLess(size, storageOf(old.spec?.resources?.requests))) return [];
  const isAboveCapacity = isLess(storageOf(old.status?.capacity), size);
  const field = "spec.resources.requests.storage";
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
export function validateClaimUpdate(object: KubernetesObject, oldObject: KubernetesObject): readonly FieldError[] {
  const [claim, old] = [object as Claim, oldObject as Claim];
  const before = old.spec ?? {};
  const [left, right] = [before, maskedSpec(claim, before)].map((spec) =>
    normalize("V1PersistentVolumeClaimSpec", spec),
  );
  const text = `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${unifiedDiff(left, right)}`;
  return [
    ...validateClaimSpec(claim.spec ?? {}, "spec", ratchet(before)),
    ...when(!deepEqual(left, right), forbiddenField("spec", text)),
    ...sizeErrors(claim, old),
    ...when(
      claim.spec?.volumeMode !== before.volumeMode,
      invalidValue("volumeMode", claim.spec?.volumeMode, IMMUTABLE),
    ),
    ...classErrors(claim, old),
  ];
}

export function validateClaimStatus(object: KubernetesObject): readonly FieldError[] {
  const { spec, status } = object as Claim;
  return [
    ...when((spec?.accessModes ?? []).length === 0, required("Spec.accessModes")),
    ...Object.entries((status?.capacity ?? {}) as Readonly<Record<string, string>>).flatMap(([name, amount]) =>
      validateAmount(name, amount, `status.capacity[${name}]`),
    ),
  ];
}
