/** Why a pod does not fit a node, in the words users know. */
export type FilterVerdict =
  | { readonly fits: true }
  | {
      readonly fits: false;
      readonly reasons: readonly string[];
      /** Whether fewer pods on the node could change it. */
      readonly removingPodsMayHelp: boolean;
    };

export const FITS: FilterVerdict = { fits: true };

/** Nothing that happens to other pods would change it. */
export function neverFits(...reasons: readonly string[]): FilterVerdict {
  return { fits: false, reasons, removingPodsMayHelp: false };
}

/** Other pods are in the way. */
export function pushedOut(...reasons: readonly string[]): FilterVerdict {
  return { fits: false, reasons, removingPodsMayHelp: true };
}
