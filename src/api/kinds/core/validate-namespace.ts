import { invalidFor, invalidValue, when } from "../../field-error.ts";
import { labelKeyProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { KubernetesObject, Namespace } from "../../types.ts";

const STANDARD: ReadonlySet<string> = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/** Also the rule for namespaces/finalize. */
export function validateNamespaceFinalizers(object: KubernetesObject): readonly FieldError[] {
  const field = "spec.finalizers";
  return ((object as Namespace).spec?.finalizers ?? []).flatMap((name) => [
    ...invalidFor(field, name, labelKeyProblems(name)),
    ...when(
      !name.includes("/") && !STANDARD.has(name),
      invalidValue(field, name, "name is neither a standard finalizer name nor is it fully qualified"),
    ),
  ]);
}

export function validateNamespaceStatus(object: KubernetesObject): readonly FieldError[] {
  const { metadata, status } = object as Namespace;
  const phase = status?.phase ?? "";
  const isGoing = metadata?.deletionTimestamp !== undefined;
  const wanted = isGoing ? "Terminating" : "Active";
  const text = `may only be '${wanted}' if \`deletionTimestamp\` is ${isGoing ? "not " : ""}empty`;
  return when(phase !== wanted, invalidValue("status.Phase", phase, text));
}
