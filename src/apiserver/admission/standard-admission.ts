import type { Clock } from "../../ports/clock.ts";
import type { PodSecurityConfiguration } from "../../core/pod-security/configuration.ts";
import type { Random } from "../../ports/random.ts";
import type { AdmissionPlugin } from "../extension.ts";
import { persistentVolumeClaimResize } from "./plugins/claim-resize.ts";
import { defaultStorageClass } from "./plugins/default-storage-class.ts";
import { defaultTolerationSeconds } from "./plugins/default-toleration-seconds.ts";
import { namespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { podSecurity } from "./plugins/pod-security.ts";
import type { PodSecurityMetrics } from "./plugins/pod-security-metrics.ts";
import { priority } from "./plugins/priority.ts";
import { runtimeClass } from "./plugins/runtime-class.ts";
import { serviceAccount } from "./plugins/service-account.ts";
import { storageObjectInUseProtection } from "./plugins/storage-protection.ts";
import { taintNodesByCondition } from "./plugins/taint-nodes.ts";

export interface StandardAdmissionDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** @default Pod Security counts nothing */
  readonly podSecurityMetrics?: PodSecurityMetrics;
}

export interface StandardAdmissionOptions {
  /** Minor version of v1 whose rules "latest" means. @default the newest there are */
  readonly emulatedMinor?: number;
  /** @default nobody is exempt, and namespaces without labels allow everything */
  readonly podSecurity?: PodSecurityConfiguration;
}

/** The plugins every server runs, in their order. Those of authorization and certificates come from their own parts. */
export function createStandardAdmission(
  { clock, random, podSecurityMetrics }: StandardAdmissionDeps,
  { emulatedMinor = Number.POSITIVE_INFINITY, podSecurity: configuration }: StandardAdmissionOptions = {},
): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(),
    serviceAccount({ clock, random }),
    taintNodesByCondition(),
    priority(),
    defaultTolerationSeconds(),
    storageObjectInUseProtection(),
    runtimeClass(),
    podSecurity(
      { ...(podSecurityMetrics !== undefined && { metrics: podSecurityMetrics }) },
      { newestMinor: emulatedMinor, ...(configuration !== undefined && { configuration }) },
    ),
    defaultStorageClass(),
    persistentVolumeClaimResize(),
  ];
}
