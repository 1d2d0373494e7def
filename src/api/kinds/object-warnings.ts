import { cidrWarnings, ipWarnings } from "../ip-warnings.ts";
import { deepEqual } from "../schema/normalize.ts";
import type {
  CSIDriver,
  CSIStorageCapacity,
  EndpointSlice,
  Endpoints,
  KubernetesObject,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  RuntimeClass,
  ServiceAccount,
  StorageClass,
  Unchecked,
} from "../types.ts";
import type { KindContext } from "./definition.ts";
import {
  deprecatedLabelMessage,
  labelMapWarnings,
  labelSelectorWarnings,
  nodeSelectorTermWarnings,
} from "./deprecated-labels.ts";
import { fractionalByteWarnings } from "./fractional-bytes.ts";

const OLD_CLASS = "volume.beta.kubernetes.io/storage-class";
const USE_CLASS = 'deprecated since v1.8; use "storageClassName" attribute instead';

const OLD_ANNOTATIONS: Readonly<Record<string, string>> = {
  [OLD_CLASS]: USE_CLASS,
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};

const OLD_SOURCES: readonly (readonly [keyof NonNullable<PersistentVolume["spec"]>, string, string])[] = [
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

export function persistentVolumeWarnings(object: KubernetesObject): readonly string[] {
  const { metadata, spec = {} } = object as PersistentVolume;
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const recycle =
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
  return [
    ...Object.entries(OLD_ANNOTATIONS).flatMap(([key, text]) =>
      metadata?.annotations?.[key] === undefined ? [] : [`metadata.annotations[${key}]: ${text}`],
    ),
    ...(spec.persistentVolumeReclaimPolicy === "Recycle" ? [`spec.persistentVolumeReclaimPolicy: ${recycle}`] : []),
    ...terms.flatMap((term, i) =>
      nodeSelectorTermWarnings(term, false, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`),
    ),
    ...OLD_SOURCES.flatMap(([type, name, text]) => (spec[type] === undefined ? [] : [`spec.${name}: ${text}`])),
  ];
}

export function persistentVolumeClaimWarnings(object: KubernetesObject): readonly string[] {
  const { metadata, spec } = object as PersistentVolumeClaim;
  const isOld = metadata?.annotations?.[OLD_CLASS] !== undefined;
  return [
    ...(isOld ? [`metadata.annotations[${OLD_CLASS}]: ${USE_CLASS}`] : []),
    ...fractionalByteWarnings(spec?.resources?.requests, ["storage"], "spec.resources.requests"),
    ...fractionalByteWarnings(spec?.resources?.limits, ["storage"], "spec.resources.limits"),
  ];
}

export function storageClassWarnings(object: KubernetesObject): readonly string[] {
  return ((object as Unchecked<StorageClass>).allowedTopologies ?? []).flatMap((term, i) =>
    (term.matchLabelExpressions ?? []).flatMap(({ key = "" }, j) => {
      const message = deprecatedLabelMessage(key);
      return message === undefined ? [] : [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${message}`];
    }),
  );
}

export function storageCapacityWarnings(object: KubernetesObject): readonly string[] {
  return labelSelectorWarnings((object as Unchecked<CSIStorageCapacity>).nodeTopology, "nodeTopology");
}

export function runtimeClassWarnings(object: KubernetesObject): readonly string[] {
  const { scheduling } = object as Unchecked<RuntimeClass>;
  return labelMapWarnings(scheduling?.nodeSelector, () => "scheduling.nodeSelector");
}

/** Tokens in a volume's attributes may end up in logs. */
export function csiDriverWarnings(
  object: KubernetesObject,
  { gates }: KindContext,
  old?: KubernetesObject,
): readonly string[] {
  const { spec } = object as Unchecked<CSIDriver>;
  const requests = spec?.tokenRequests ?? [];
  const isSafe = requests.length === 0 || spec?.serviceAccountTokenInSecrets !== undefined;
  const isAsBefore = old !== undefined && deepEqual((old as Unchecked<CSIDriver>).spec?.tokenRequests, requests);
  if (isSafe || isAsBefore || !gates.enabled("CSIServiceAccountTokenSecrets")) return [];
  return [
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes",
  ];
}

export function nodeWarnings(object: KubernetesObject): readonly string[] {
  const { spec } = object as Node;
  return [
    ...(spec?.configSource === undefined ? [] : ["spec.configSource: the feature is removed"]),
    ...((spec?.externalID ?? "") === ""
      ? []
      : ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]),
    ...(spec?.podCIDRs ?? []).flatMap((range, i) => cidrWarnings(`spec.podCIDRs[${i}]`, range)),
  ];
}

export function serviceAccountWarnings(
  object: KubernetesObject,
  _context: KindContext,
  old?: KubernetesObject,
): readonly string[] {
  const key = "kubernetes.io/enforce-mountable-secrets";
  const isSet = (account: KubernetesObject | undefined): boolean =>
    (account as ServiceAccount | undefined)?.metadata?.annotations?.[key] !== undefined;
  if (isSet(old) || !isSet(object)) return [];
  return [
    `metadata.annotations[${key}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  ];
}

export function endpointsWarnings(object: KubernetesObject): readonly string[] {
  const { metadata, subsets = [] } = object as Unchecked<Endpoints>;
  if (metadata?.labels?.["endpoints.kubernetes.io/managed-by"] === "endpoint-controller") return [];
  return subsets.flatMap((subset, i) =>
    (["addresses", "notReadyAddresses"] as const).flatMap((group) =>
      (subset[group] ?? []).flatMap(({ ip = "" }, j) => ipWarnings(`subsets[${i}].${group}[${j}].ip`, ip)),
    ),
  );
}

const SLICE_CONTROLLERS: ReadonlySet<string | undefined> = new Set([
  "endpointslice-controller.k8s.io",
  "endpointslicemirroring-controller.k8s.io",
]);

export function endpointSliceWarnings(object: KubernetesObject): readonly string[] {
  const { metadata, addressType, endpoints = [] } = object as Unchecked<EndpointSlice>;
  const isOurs = SLICE_CONTROLLERS.has(metadata?.labels?.["endpointslice.kubernetes.io/managed-by"]);
  return [
    ...(addressType === "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []),
    ...(isOurs ? [] : endpoints).flatMap(({ addresses = [] }, i) =>
      (addresses as readonly string[]).flatMap((address, j) => ipWarnings(`endpoints[${i}].addresses[${j}]`, address)),
    ),
  ];
}
