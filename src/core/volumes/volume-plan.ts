import type { PersistentVolume, Pod, Volume } from "../../api/types.ts";
import { parseQuantity, wholeUnits } from "../../lib/quantity.ts";
import type { GroupAccess } from "./file-ownership.ts";
import { volumeDirectory, volumeMetaDirectory, type VolumePlugin } from "./pod-paths.ts";
import { isHostPathType, type SetupStep } from "./setup-steps.ts";

/** How to make one volume of a pod usable, and what containers get of it. */
export type VolumePlan =
  | {
      readonly plan: "mount";
      readonly plugin: VolumePlugin;
      /** Where containers are bound to. */
      readonly path: string;
      readonly steps: readonly SetupStep[];
      /** Containers may only read, whatever their mount says. */
      readonly readOnly: boolean;
      /** The kubelet writes its files and keeps them fresh. */
      readonly projectsFiles: boolean;
      /** The volume belongs to the pod, so that its labels may be changed. */
      readonly relabel: boolean;
      /** Group rules for files the kubelet writes. */
      readonly access?: GroupAccess;
    }
  | { readonly plan: "unsupported"; readonly reason: string };

export interface VolumePlanContext {
  /** The kubelet's root directory. */
  readonly root: string;
  /** The bound volume, for claims. */
  readonly persistentVolume?: PersistentVolume;
  readonly claimReadOnly?: boolean;
  /** Most an emptyDir in memory may hold: the smaller of node and pod limit. Absent: unlimited. */
  readonly memoryLimitBytes?: number;
  /** Whether the kernel's tmpfs knows `noswap` (6.4). */
  readonly tmpfsNoSwap: boolean;
}

const OPEN_MODE = 0o777;

function unsupported(reason: string): VolumePlan {
  return { plan: "unsupported", reason };
}

function accessOf(pod: Pod, readOnly: boolean): GroupAccess | undefined {
  const group = pod.spec?.securityContext?.fsGroup;
  return group === undefined ? undefined : { group, readOnly };
}

/** Decides what a volume needs. Pure: what has to be looked up (the claim's volume) comes in with the context. */
export function planVolume(volume: Volume, pod: Pod, context: VolumePlanContext): VolumePlan {
  if (volume.emptyDir !== undefined) return planEmptyDir(volume, pod, context);
  if (volume.hostPath !== undefined) return planHostPath(volume.hostPath.path, volume.hostPath.type ?? "", false);
  if (volume.configMap !== undefined) return planProjection("configmap", false, volume, pod, context);
  if (volume.downwardAPI !== undefined) return planProjection("downward-api", false, volume, pod, context);
  if (volume.secret !== undefined) return planProjection("secret", true, volume, pod, context);
  if (volume.projected !== undefined) return planProjection("projected", true, volume, pod, context);
  if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) return planClaim(pod, context);
  if (volume.csi !== undefined)
    return unsupported(`CSI driver ${volume.csi.driver}: CSI volumes are not supported yet`);
  const kind = Object.keys(volume).find((field) => field !== "name") ?? "none";
  return unsupported(`no volume plugin matched name: ${kind} volumes are not supported`);
}

function planProjection(
  plugin: VolumePlugin,
  inMemory: boolean,
  volume: Volume,
  pod: Pod,
  context: VolumePlanContext,
): VolumePlan {
  const uid = pod.metadata?.uid ?? "";
  const path = volumeDirectory(context.root, uid, plugin, volume.name);
  const access = accessOf(pod, true);
  return {
    plan: "mount",
    plugin,
    path,
    steps: [
      { do: "make-directory", path, mode: OPEN_MODE },
      // Secrets never touch a disk.
      ...(inMemory ? [tmpfsStep(path, undefined, context)] : []),
      { do: "mark-ready", directory: volumeMetaDirectory(context.root, uid, plugin, volume.name) },
    ],
    readOnly: true,
    projectsFiles: true,
    relabel: true,
    ...(access !== undefined && { access }),
  };
}

function tmpfsStep(path: string, sizeBytes: number | undefined, context: VolumePlanContext): SetupStep {
  const options = [
    ...(sizeBytes !== undefined && sizeBytes > 0 ? [`size=${sizeBytes}`] : []),
    ...(context.tmpfsNoSwap ? ["noswap"] : []),
  ];
  return { do: "mount-filesystem", path, filesystem: "tmpfs", options };
}

function planEmptyDir(volume: Volume, pod: Pod, context: VolumePlanContext): VolumePlan {
  const uid = pod.metadata?.uid ?? "";
  const path = volumeDirectory(context.root, uid, "empty-dir", volume.name);
  const medium = volume.emptyDir?.medium ?? "";
  const storage = mediumSteps(medium, path, volume, pod, context);
  if (typeof storage === "string") return unsupported(storage);
  const access = accessOf(pod, false);
  return {
    plan: "mount",
    plugin: "empty-dir",
    path,
    steps: [
      { do: "make-directory", path, mode: OPEN_MODE },
      ...storage,
      ...(access === undefined ? [] : [{ do: "apply-group", path, access, onlyOnRootMismatch: false } as const]),
      { do: "mark-ready", directory: volumeMetaDirectory(context.root, uid, "empty-dir", volume.name) },
    ],
    readOnly: false,
    projectsFiles: false,
    relabel: true,
  };
}

function mediumSteps(
  medium: string,
  path: string,
  volume: Volume,
  pod: Pod,
  context: VolumePlanContext,
): readonly SetupStep[] | string {
  if (medium === "") return [];
  if (medium === "Memory") return [tmpfsStep(path, emptyDirMemoryBytes(volume, context), context)];
  if (medium !== "HugePages" && !medium.startsWith("HugePages-"))
    return `unknown storage medium ${JSON.stringify(medium)}`;
  const size = medium === "HugePages" ? onlyHugePageSize(pod) : bytesOf(medium.slice("HugePages-".length));
  if (size === undefined) return `medium ${medium} can only be used if the containers request huge pages of one size`;
  return [{ do: "mount-filesystem", path, filesystem: "hugetlbfs", options: [`pagesize=${size}`] }];
}

function bytesOf(quantity: string | undefined): number | undefined {
  const parsed = quantity === undefined ? undefined : parseQuantity(quantity);
  return parsed?.ok === true ? Number(wholeUnits(parsed.value)) : undefined;
}

/** Size of an emptyDir in memory: its own limit, but never more than the pod or the node may use. */
export function emptyDirMemoryBytes(
  volume: Volume,
  context: Pick<VolumePlanContext, "memoryLimitBytes">,
): number | undefined {
  const own = bytesOf(volume.emptyDir?.sizeLimit) ?? 0;
  const limit = context.memoryLimitBytes;
  if (own > 0 && (limit === undefined || own < limit)) return own;
  return limit;
}

function onlyHugePageSize(pod: Pod): number | undefined {
  const sizes = new Set(
    [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {})
        .filter((name) => name.startsWith("hugepages-"))
        .map((name) => name.slice("hugepages-".length)),
    ),
  );
  const [size] = sizes;
  return sizes.size === 1 ? bytesOf(size) : undefined;
}

function planHostPath(path: string, type: string, readOnly: boolean): VolumePlan {
  if (!isHostPathType(type)) return unsupported(`${type} is an invalid volume type`);
  return {
    plan: "mount",
    plugin: "host-path",
    path,
    steps: [{ do: "check-host-path", path, type }],
    readOnly,
    projectsFiles: false,
    relabel: false,
  };
}

function planClaim(pod: Pod, context: VolumePlanContext): VolumePlan {
  const volume = context.persistentVolume;
  if (volume === undefined) return unsupported("the claim's persistent volume is not known");
  const readOnly = context.claimReadOnly ?? false;
  const name = volume.metadata?.name ?? "";
  const spec = volume.spec;
  if (spec?.volumeMode === "Block")
    return unsupported(`persistent volume ${name} is a raw block device, which is only supported for CSI volumes`);
  if (spec?.hostPath !== undefined) return planHostPath(spec.hostPath.path, spec.hostPath.type ?? "", readOnly);
  if (spec?.csi !== undefined) {
    return unsupported(
      `persistent volume ${name} needs CSI driver ${spec.csi.driver}: CSI volumes are not supported yet`,
    );
  }
  if (spec?.local === undefined) return unsupported(`no volume plugin matched persistent volume ${name}`);
  const path = volumeDirectory(context.root, pod.metadata?.uid ?? "", "local-volume", name);
  const access = accessOf(pod, readOnly);
  return {
    plan: "mount",
    plugin: "local-volume",
    path,
    steps: [
      { do: "check-host-path", path: spec.local.path, type: "Directory" },
      { do: "make-directory", path, mode: 0o750 },
      { do: "bind", source: spec.local.path, path },
      ...(access === undefined
        ? []
        : [
            {
              do: "apply-group",
              path,
              access,
              onlyOnRootMismatch: pod.spec?.securityContext?.fsGroupChangePolicy === "OnRootMismatch",
            } as const,
          ]),
    ],
    readOnly,
    projectsFiles: false,
    relabel: true,
  };
}
