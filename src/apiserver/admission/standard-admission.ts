import type { Random } from "../../ports/random.ts";
import type { AdmissionPlugin } from "../extension.ts";

/** The plugins every server runs, in the order they run. Those of authorization and certificates come from their parts. */
export function createStandardAdmission(_deps: { readonly random: Random }): readonly AdmissionPlugin[] {
  return [];
}
