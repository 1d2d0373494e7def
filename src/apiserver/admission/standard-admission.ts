import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { AdmissionPlugin } from "../extension.ts";
import { defaultStorageClass } from "./plugins/default-storage-class.ts";
import { defaultTolerationSeconds } from "./plugins/default-toleration-seconds.ts";
import { namespaceLifecycle } from "./plugins/namespace-lifecycle.ts";
import { podSecurity, type PodSecurityFinding } from "./plugins/pod-security.ts";
import { priority } from "./plugins/priority.ts";
import { runtimeClass } from "./plugins/runtime-class.ts";
import { serviceAccount } from "./plugins/service-account.ts";
import { storageObjectInUseProtection } from "./plugins/storage-protection.ts";
import { taintNodesByCondition } from "./plugins/taint-nodes.ts";

export interface StandardAdmissionDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Gets what breaks a namespace's `pod-security.kubernetes.io/audit` level. */
  readonly auditPodSecurity?: (finding: PodSecurityFinding) => void;
}

export interface StandardAdmissionOptions {
  /** Minor version of v1 whose rules "latest" means. @default the newest there are */
  readonly emulatedMinor?: number;
}

/** The plugins every server runs, in their order. Those of authorization and certificates come from their own parts. */
export function createStandardAdmission(
  { clock, random, auditPodSecurity }: StandardAdmissionDeps,
  { emulatedMinor = Number.POSITIVE_INFINITY }: StandardAdmissionOptions = {},
): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(),
    serviceAccount({ clock, random }),
    taintNodesByCondition(),
    priority(),
    defaultTolerationSeconds(),
    storageObjectInUseProtection(),
    runtimeClass(),
    podSecurity({ ...(auditPodSecurity !== undefined && { audit: auditPodSecurity }) }, { newestMinor: emulatedMinor }),
    defaultStorageClass(),
  ];
}
