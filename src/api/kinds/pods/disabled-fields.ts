import type { FeatureGates } from "../../feature-gates.ts";
import { containersOf } from "../../pod.ts";
import type { Container, PodSpec, Volume } from "../../types.ts";
import { without } from "../fill.ts";

/** A field that exists only with a feature: how to see it, and how to take it out. */
interface GatedField {
  readonly gate: string;
  readonly isUsed: (spec: PodSpec) => boolean;
  readonly drop: (spec: PodSpec) => PodSpec;
}

type AnyContainer = Container & Record<string, unknown>;

function everyContainer(spec: PodSpec): readonly AnyContainer[] {
  return containersOf(spec) as readonly AnyContainer[];
}

function changeContainers(spec: PodSpec, change: (container: AnyContainer) => AnyContainer): PodSpec {
  const all = (list: readonly unknown[]): never => list.map((container) => change(container as AnyContainer)) as never;
  return {
    ...spec,
    ...(spec.containers !== undefined && { containers: all(spec.containers) }),
    ...(spec.initContainers !== undefined && { initContainers: all(spec.initContainers) }),
    ...(spec.ephemeralContainers !== undefined && { ephemeralContainers: all(spec.ephemeralContainers) }),
  };
}

function specField(gate: string, field: keyof PodSpec): GatedField {
  return { gate, isUsed: (spec) => spec[field] !== undefined, drop: (spec) => without(spec, field) as PodSpec };
}

function securityField(gate: string, field: keyof NonNullable<PodSpec["securityContext"]>): GatedField {
  return {
    gate,
    isUsed: (spec) => spec.securityContext?.[field] !== undefined,
    drop: ({ securityContext, ...spec }) =>
      securityContext === undefined ? spec : { ...spec, securityContext: without(securityContext, field) },
  };
}

function containerField(gate: string, fields: readonly (keyof Container)[]): GatedField {
  return {
    gate,
    isUsed: (spec) => everyContainer(spec).some((container) => fields.some((field) => container[field] !== undefined)),
    drop: (spec) =>
      changeContainers(spec, (container) => {
        let rest: AnyContainer = container;
        for (const field of fields) rest = without(rest, field) as AnyContainer;
        return rest;
      }),
  };
}

/**
 * Pods of old servers hold "Default" though nobody asked for it: that is no use of the feature, and taking the field
 * away would look like a forbidden change of such a pod. So what is off becomes "Default", as in kube-apiserver.
 */
const procMount: GatedField = {
  gate: "ProcMountType",
  isUsed: (spec) =>
    everyContainer(spec).some(({ securityContext }) => (securityContext?.procMount ?? "Default") !== "Default"),
  drop: (spec) =>
    changeContainers(spec, (container) =>
      container.securityContext?.procMount === undefined
        ? container
        : { ...container, securityContext: { ...container.securityContext, procMount: "Default" } },
    ),
};

/** Restart policies of single containers, but for sidecars. */
const restartRules: GatedField = {
  gate: "ContainerRestartRules",
  isUsed: (spec) =>
    (spec.containers ?? []).some(({ restartPolicy }) => restartPolicy !== undefined) ||
    (spec.initContainers ?? []).some(
      ({ restartPolicy = "Always", restartPolicyRules = [] }) =>
        restartPolicy !== "Always" || restartPolicyRules.length > 0,
    ),
  drop: (spec) => {
    const bare = (container: Container): Container =>
      without(without(container, "restartPolicy"), "restartPolicyRules");
    const init = (container: Container): Container =>
      container.restartPolicy === "Always" ? without(container, "restartPolicyRules") : bare(container);
    return {
      ...spec,
      ...(spec.containers !== undefined && { containers: spec.containers.map(bare) }),
      ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(init) }),
    };
  },
};

const stopSignal: GatedField = {
  gate: "ContainerStopSignals",
  isUsed: (spec) => everyContainer(spec).some((container) => container.lifecycle?.stopSignal !== undefined),
  drop: (spec) =>
    changeContainers(spec, ({ lifecycle, ...container }) => {
      if (lifecycle?.stopSignal === undefined) return { ...container, ...(lifecycle && { lifecycle }) } as AnyContainer;
      const rest = without(lifecycle, "stopSignal");
      return { ...container, ...(Object.keys(rest).length > 0 && { lifecycle: rest }) } as AnyContainer;
    }),
};

const fileKeys: GatedField = {
  gate: "EnvFiles",
  isUsed: (spec) =>
    everyContainer(spec).some((container) => container.env?.some((entry) => entry.valueFrom?.fileKeyRef !== undefined)),
  drop: (spec) =>
    changeContainers(spec, (container) =>
      container.env === undefined
        ? container
        : {
            ...container,
            env: container.env.map((entry) =>
              entry.valueFrom === undefined ? entry : { ...entry, valueFrom: without(entry.valueFrom, "fileKeyRef") },
            ),
          },
    ),
};

type Source = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

function projectedSource(gate: string, field: keyof Source): GatedField {
  return {
    gate,
    isUsed: (spec) => (spec.volumes ?? []).some((volume) => volume.projected?.sources?.some((source) => source[field])),
    drop: (spec) => ({
      ...spec,
      ...(spec.volumes !== undefined && {
        volumes: spec.volumes.map((volume) =>
          volume.projected?.sources === undefined
            ? volume
            : {
                ...volume,
                projected: {
                  ...volume.projected,
                  sources: volume.projected.sources.map((source) => without(source, field)),
                },
              },
        ),
      }),
    }),
  };
}

const imageVolumes: GatedField = {
  gate: "ImageVolume",
  isUsed: (spec) => (spec.volumes ?? []).some((volume) => volume.image !== undefined),
  drop: (spec) => ({
    ...spec,
    ...(spec.volumes !== undefined && { volumes: spec.volumes.map((volume) => without(volume, "image")) }),
  }),
};

/** Features that can be off at a version this server can emulate. */
const GATED_FIELDS: readonly GatedField[] = [
  specField("UserNamespacesSupport", "hostUsers"),
  specField("PodLevelResources", "resources"),
  specField("HostnameOverride", "hostnameOverride"),
  specField("GenericWorkload", "schedulingGroup"),
  securityField("SELinuxChangePolicy", "seLinuxChangePolicy"),
  securityField("SupplementalGroupsPolicy", "supplementalGroupsPolicy"),
  containerField("InPlacePodVerticalScaling", ["resizePolicy"]),
  restartRules,
  projectedSource("ClusterTrustBundleProjection", "clusterTrustBundle"),
  projectedSource("PodCertificateRequest", "podCertificate"),
  procMount,
  stopSignal,
  fileKeys,
  imageVolumes,
];

/** Names of the gates these rules ask for. */
export const FIELD_GATES: readonly string[] = GATED_FIELDS.map(({ gate }) => gate);

/** Takes out fields of features that are off, unless the old spec has them in use. */
export function dropDisabledFields(spec: PodSpec, old: PodSpec | undefined, gates: FeatureGates): PodSpec {
  let result = spec;
  for (const { gate, isUsed, drop } of GATED_FIELDS) {
    if (isUsed(result) && !gates.enabled(gate) && !(old !== undefined && isUsed(old))) result = drop(result);
  }
  return result;
}
