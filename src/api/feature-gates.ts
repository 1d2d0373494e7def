/** Feature gates folded into one frozen value at start (parsed from --feature-gates, --emulated-version and files). */
export interface FeatureGates {
  /** Throws RangeError for a name the table does not know: a typo must not read as "off". */
  enabled(name: string): boolean;
  /** e.g. "1.36" */
  readonly emulatedVersion: string;
  /** All gates visible at the emulated version, for `kubernetes_feature_enabled`. */
  readonly all: readonly FeatureGateState[];
}

export interface FeatureGateState {
  readonly name: string;
  readonly stage: "ALPHA" | "BETA" | "GA" | "DEPRECATED";
  readonly enabled: boolean;
}
