import { parseMountOption, splitMountOptions } from "../../lib/mount-options.ts";
import { sameLabel } from "./label.ts";

/** What the mount table says about the context of a mount. */
export type AppliedContext =
  | { readonly applied: "as-asked" }
  | { readonly applied: "none" }
  | { readonly applied: "other"; readonly context: string };

/** Compares what the kernel shows with what was asked for. @param superOptions options of the filesystem */
export function appliedContext(superOptions: readonly string[], asked: string): AppliedContext {
  const context = contextOf(superOptions);
  if (context === undefined) return { applied: "none" };
  return sameLabel(context, asked) ? { applied: "as-asked" } : { applied: "other", context };
}

/**
 * The context a mount or a list of mount options carries; undefined for none. One entry may hold several options, and the
 * last context counts, as in mount(8).
 */
export function contextOf(options: readonly string[]): string | undefined {
  let found: string | undefined;
  for (const option of options.flatMap(splitMountOptions)) {
    const { name, value } = parseMountOption(option);
    if (name === "context" && value !== undefined) found = value;
  }
  return found;
}

/** Whether files of a mount can be relabelled one by one. */
export function hasLabelSupport(superOptions: readonly string[]): boolean {
  return superOptions.includes("seclabel");
}
