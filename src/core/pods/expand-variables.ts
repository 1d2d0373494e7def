/**
 * Replaces `$(NAME)` by what `lookup` gives. `$$` is one `$`; a reference nobody knows and anything else after `$` stays
 * as it is written.
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/gu, (whole: string, what: string, name: string | undefined) => {
    if (what === "$") return "$";
    return lookup(name ?? "") ?? whole;
  });
}
