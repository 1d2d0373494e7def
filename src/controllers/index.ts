import { failed, ok, type Result } from "../lib/result.ts";
import type { Unit } from "../machinery/unit.ts";
import type { CertificateSigner } from "../ports/certificate-signer.ts";
import { createAttachDetachController } from "./attach-detach/attach-detach.ts";
import { createCertificateApprovingController } from "./certificates/approving.ts";
import { createCertificateCleanerController } from "./certificates/cleaner.ts";
import { createCertificateSigningController } from "./certificates/signing.ts";
import { createClusterRoleAggregationController } from "./clusterrole-aggregation/clusterrole-aggregation.ts";
import type { ControllerDeps } from "./controller.ts";
import { createEphemeralVolumeController } from "./ephemeral-volume/ephemeral-volume.ts";
import { createGarbageCollectionController } from "./garbage-collection/garbage-collection.ts";
import { createNamespaceController } from "./namespace/namespace.ts";
import { createNodeLifecycleController } from "./node-lifecycle/node-lifecycle.ts";
import { createPersistentVolumeBinder } from "./persistent-volume-binder/persistent-volume-binder.ts";
import { createPodGarbageCollectionController } from "./pod-garbage-collection/pod-garbage-collection.ts";
import { createRootCaPublisherController } from "./root-ca-publisher/root-ca-publisher.ts";
import {
  type ConflictView,
  createSELinuxWarningController,
  type SELinuxWarningOptions,
} from "./selinux-warning/selinux-warning.ts";
import { createServiceAccountTokenController } from "./service-account/service-account-token.ts";
import { createServiceAccountController } from "./service-account/service-account.ts";
import { createTaintEvictionController } from "./taint-eviction/taint-eviction.ts";
import { createVolumeExpandController } from "./volume-expand/volume-expand.ts";
import { createAttributesClassProtectionController } from "./volume-protection/attributes-class-protection.ts";
import { createClaimProtectionController } from "./volume-protection/claim-protection.ts";
import { createVolumeProtectionController } from "./volume-protection/volume-protection.ts";

export type { ControllerDeps } from "./controller.ts";
export { createSchedulerController } from "./scheduler/scheduler.ts";

export type { ConflictView, SELinuxWarningOptions } from "./selinux-warning/selinux-warning.ts";

export interface ControllerOptions {
  readonly selinuxWarning?: SELinuxWarningOptions & {
    /** Told what there is to see, while the controller is made. */
    readonly show?: (view: ConflictView) => void;
  };
  /** PEM of the authorities that pods should trust for the API server. Absent: it is not published. */
  readonly rootCa?: string;
  /** Absent: requests are neither approved nor signed. */
  readonly signer?: CertificateSigner;
  /** See `CertificateApprovingOptions`. */
  readonly namesOfNode?: (node: string) => readonly string[] | undefined;
  /** There is one API server only, so that what it was told needs no time to be known. @default false */
  readonly singleApiServer?: boolean;
}

type Make = (deps: ControllerDeps, options: ControllerOptions) => Unit | undefined;

/** Every controller of the controller manager under upstream's name, in the order they are listed to users. */
const CONTROLLERS = {
  "certificatesigningrequest-approving-controller": (deps, { signer, namesOfNode }) =>
    signer && createCertificateApprovingController(deps, { signer, ...(namesOfNode !== undefined && { namesOfNode }) }),
  "certificatesigningrequest-cleaner-controller": (deps) => createCertificateCleanerController(deps),
  "certificatesigningrequest-signing-controller": (deps, { signer }) =>
    signer && createCertificateSigningController(deps, { signer }),
  "clusterrole-aggregation-controller": (deps) => createClusterRoleAggregationController(deps),
  "ephemeral-volume-controller": (deps) => createEphemeralVolumeController(deps),
  "garbage-collector-controller": (deps) => createGarbageCollectionController(deps),
  "namespace-controller": (deps, { singleApiServer }) =>
    createNamespaceController(deps, singleApiServer === true ? { settleMs: 0 } : {}),
  "node-lifecycle-controller": (deps) => createNodeLifecycleController(deps),
  "persistentvolume-attach-detach-controller": (deps) => createAttachDetachController(deps),
  "persistentvolume-binder-controller": (deps) => createPersistentVolumeBinder(deps),
  "persistentvolume-expander-controller": (deps) => createVolumeExpandController(deps),
  "persistentvolume-protection-controller": (deps) => createVolumeProtectionController(deps),
  "persistentvolumeclaim-protection-controller": (deps) => createClaimProtectionController(deps),
  "pod-garbage-collector-controller": (deps) => createPodGarbageCollectionController(deps),
  "root-ca-certificate-publisher-controller": (deps, { rootCa }) =>
    rootCa === undefined ? undefined : createRootCaPublisherController(deps, { rootCa }),
  "selinux-warning-controller": (deps, { selinuxWarning }) => {
    const controller = createSELinuxWarningController(deps, selinuxWarning);
    selinuxWarning?.show?.(controller.view);
    return controller;
  },
  "serviceaccount-controller": (deps) => createServiceAccountController(deps),
  "serviceaccount-token-controller": (deps, { rootCa }) =>
    createServiceAccountTokenController(deps, rootCa === undefined ? {} : { rootCa }),
  "taint-eviction-controller": (deps) => createTaintEvictionController(deps),
  "volumeattributesclass-protection-controller": (deps) => createAttributesClassProtectionController(deps),
} as const satisfies Readonly<Record<string, Make>>;

export type ControllerName = keyof typeof CONTROLLERS;

export const CONTROLLER_NAMES = Object.keys(CONTROLLERS) as readonly ControllerName[];

/** Those that only run when they are named. */
const OFF_BY_DEFAULT: ReadonlySet<ControllerName> = new Set(["selinux-warning-controller"]);

/**
 * Which controllers `--controllers` means: "*" stands for all that are on by default, "name" turns one on, "-name" off; a
 * name wins over "*".
 */
export function selectControllers(selection: readonly string[]): Result<readonly ControllerName[]> {
  const wanted = selection.length === 0 ? ["*"] : selection;
  for (const item of wanted) {
    const name = item.replace(/^-/, "");
    if (item !== "*" && !CONTROLLER_NAMES.includes(name as ControllerName)) {
      return failed(`"${name}" is not in the list of known controllers: ${CONTROLLER_NAMES.join(", ")}`);
    }
  }
  return ok(
    CONTROLLER_NAMES.filter((name) => {
      if (wanted.includes(`-${name}`)) return false;
      return wanted.includes(name) || (wanted.includes("*") && !OFF_BY_DEFAULT.has(name));
    }),
  );
}

/** Constructs controllers; those that miss what they need in the options are left out. */
export function createControllers(
  names: readonly ControllerName[],
  deps: ControllerDeps,
  options: ControllerOptions = {},
): readonly Unit[] {
  return names.flatMap((name) => {
    const make: Make = CONTROLLERS[name];
    return make(deps, options) ?? [];
  });
}
