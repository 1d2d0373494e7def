import { containersOf } from "../../api/pod.ts";
import type { Container, Volume } from "../../api/types.ts";
import { procMount } from "./baseline-checks.ts";
import {
  type Check,
  type CheckPod,
  containers,
  hasOwnUsers,
  isForWindows,
  namesWhere,
  plural,
  quoted,
  setters,
  sortedSet,
  unless,
} from "./check.ts";
import { seccompRestricted } from "./seccomp-checks.ts";

const allowPrivilegeEscalation: CheckPod = ({ spec }) => {
  const bad = namesWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${containers(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const capabilities: CheckPod = ({ spec }) => {
  const added = ({ securityContext }: Pick<Container, "securityContext">): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
  const undropped = namesWhere(
    spec,
    ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes("ALL"),
  );
  const adding = namesWhere(spec, (container) => added(container).length > 0);
  const details = [
    ...(undropped.length > 0 ? [`${containers(undropped)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [
          `${containers(adding)} must not include ${quoted(sortedSet(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
};

const ALLOWED_VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
] as const satisfies readonly (keyof Volume)[];
const RESTRICTED_VOLUMES = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
] as const satisfies readonly (keyof Volume)[];

const volumeTypes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => ALLOWED_VOLUMES.every((type) => volume[type] === undefined));
  if (bad.length === 0) return undefined;
  const types = sortedSet(
    bad.map((volume) => RESTRICTED_VOLUMES.find((type) => volume[type] !== undefined) ?? "unknown"),
  );
  const names = bad.map(({ name }) => name);
  const what = plural("restricted volume type", "restricted volume types", types.length);
  return {
    reason: "restricted volume types",
    detail: `${plural("volume", "volumes", names.length)} ${quoted(names)} ${plural("uses", "use", names.length)} ${what} ${quoted(types)}`,
  };
};

const runAsNonRoot: CheckPod = ({ spec }) => {
  const reason = "runAsNonRoot != true";
  const ofPod = spec.securityContext?.runAsNonRoot;
  const explicit = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  if (ofPod === false || explicit.length > 0) {
    return { reason, detail: `${setters(ofPod === false, explicit)} must not set securityContext.runAsNonRoot=false` };
  }
  const implicit = namesWhere(
    spec,
    ({ securityContext }) => ofPod !== true && securityContext?.runAsNonRoot === undefined,
  );
  if (implicit.length === 0) return undefined;
  return { reason, detail: `pod or ${containers(implicit)} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: CheckPod = ({ spec }) => {
  const isPodBad = spec.securityContext?.runAsUser === 0;
  const bad = namesWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
  if (!isPodBad && bad.length === 0) return undefined;
  return { reason: "runAsUser=0", detail: `${setters(isPodBad, bad)} must not set runAsUser=0` };
};

/** What hardened pods do on top, sorted by ID. */
export const RESTRICTED_CHECKS: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    level: "restricted",
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: unless(isForWindows, allowPrivilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    level: "restricted",
    versions: [
      { since: 22, check: capabilities, replaces: ["capabilities_baseline"] },
      { since: 25, check: unless(isForWindows, capabilities), replaces: ["capabilities_baseline"] },
    ],
  },
  {
    id: "procMount_restricted",
    level: "restricted",
    versions: [{ since: 35, check: procMount, replaces: ["procMount"] }],
  },
  {
    id: "restrictedVolumes",
    level: "restricted",
    versions: [{ since: 0, check: volumeTypes, replaces: ["hostPathVolumes"] }],
  },
  {
    id: "runAsNonRoot",
    level: "restricted",
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: unless(hasOwnUsers, runAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    level: "restricted",
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: unless(hasOwnUsers, runAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    level: "restricted",
    versions: [
      { since: 19, check: seccompRestricted, replaces: ["seccompProfile_baseline"] },
      { since: 25, check: unless(isForWindows, seccompRestricted), replaces: ["seccompProfile_baseline"] },
    ],
  },
];
