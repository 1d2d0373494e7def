import type { CsiAccessMode } from "./csi.ts";

export interface CsiCreateRequest {
  /** The same name always means the same volume. */
  readonly name: string;
  readonly requiredBytes: bigint;
  /** 0n: no limit. */
  readonly limitBytes: bigint;
  readonly accessModes: readonly CsiAccessMode[];
  /** "" leaves it to the driver. */
  readonly fsType: string;
  readonly mountFlags: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** Where the volume is needed; absent: anywhere. */
  readonly topology?: Readonly<Record<string, string>>;
}

export interface CsiVolume {
  readonly volumeId: string;
  /** 0n: unknown. */
  readonly capacityBytes: bigint;
  readonly volumeContext: Readonly<Record<string, string>>;
  /** From where it can be used, any of these; none: from everywhere. */
  readonly topologies: readonly Readonly<Record<string, string>>[];
}

/** The controller service of one driver. Every call has a deadline and may be repeated; failures are CsiFailures. */
export interface CsiController {
  create(request: CsiCreateRequest, signal: AbortSignal): Promise<CsiVolume>;
  /** Of what is gone already succeeds. */
  delete(volumeId: string, signal: AbortSignal): Promise<void>;
  /** Resolves with the size the volume has now, and whether the file system has still to grow on the node. */
  expand(
    request: { readonly volumeId: string; readonly requiredBytes: bigint },
    signal: AbortSignal,
  ): Promise<{ readonly capacityBytes: bigint; readonly nodeExpansionRequired: boolean }>;
}
