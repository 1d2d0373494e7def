import type { PersistentVolume, Pod } from "../../api/types.ts";
import { contextOf } from "../../core/selinux/applied-context.ts";
import { type ContainerContexts, parseContextsFile } from "../../core/selinux/contexts-file.ts";
import {
  type AccessMode,
  accessModeEligibility,
  accessModeLabel,
  decideMount,
  type SELinuxGates,
} from "../../core/selinux/mount-decision.ts";
import { volumeUsersOf } from "../../core/selinux/pod-label-users.ts";
import type { DesiredMount, VolumeDemand } from "../../core/volumes/node-volume.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { HostSELinux } from "../../ports/host-selinux.ts";
import type { Log } from "../../ports/log.ts";
import type { ObserveSELinux } from "./selinux-metrics.ts";

/** What a pod demands of a volume's label. */
export type SELinuxDemand = DesiredMount & Pick<VolumeDemand, "tracked" | "blocks">;

export interface SELinuxSubject {
  readonly pod: Pod;
  /** Name of the volume in the pod. */
  readonly volumeName: string;
  /** Absent for a volume that stands in the pod itself. */
  readonly persistentVolume?: PersistentVolume;
  /** Name of the persistent volume, or of the volume in the pod: for messages. */
  readonly displayName: string;
  /** Asked on nodes with SELinux only. */
  readonly supportsContext: (signal: AbortSignal) => Promise<boolean>;
}

export interface SELinuxDemands {
  /** Whether SELinux labels anything on this node. */
  isActive(signal: AbortSignal): Promise<boolean>;
  /** Throws OrlopError when the pod can not use the volume whatever others do. */
  demandOf(subject: SELinuxSubject, signal: AbortSignal): Promise<SELinuxDemand>;
}

export interface SELinuxDemandsDeps {
  readonly host: HostSELinux;
  readonly observe: ObserveSELinux;
  readonly log: Log;
}

const NOTHING: SELinuxDemand = { context: "", contextText: "", wanted: "", tracked: false, blocks: false };
/** Where the operating system says nothing usable: no label can be built from it. */
const NO_DEFAULTS: ContainerContexts = { process: "", file: "", readOnlyFile: "" };

/** Looks at the host once; a node without SELinux costs nothing after that. */
export function createSELinuxDemands(deps: SELinuxDemandsDeps, gates: SELinuxGates): SELinuxDemands {
  let host: Promise<ContainerContexts | undefined> | undefined;
  const known = new Map<string, boolean>();

  const read = async (signal: AbortSignal): Promise<ContainerContexts | undefined> => {
    const found = await deps.host.read(signal);
    if (!found.active) return undefined;
    return parseContextsFile(found.contextsFile ?? "") ?? NO_DEFAULTS;
  };
  const contexts = (signal: AbortSignal): Promise<ContainerContexts | undefined> => {
    host ??= read(signal).catch((reason: unknown) => {
      host = undefined;
      throw reason;
    });
    return host;
  };

  /** A label the policy does not know would only make mount(8) fail with a text nobody understands. */
  const isKnown = async (label: string, signal: AbortSignal): Promise<boolean> => {
    const before = known.get(label);
    if (before !== undefined) return before;
    try {
      const answer = await deps.host.isKnown(label, signal);
      if (known.size > 10_000) known.clear();
      if (answer) known.set(label, answer);
      return answer;
    } catch (reason) {
      deps.log.warn("The SELinux policy can not be asked, the label is used as it is", {
        label,
        reason: messageOf(reason),
      });
      return true;
    }
  };

  return {
    isActive: async (signal) => (await contexts(signal)) !== undefined,
    async demandOf({ pod, volumeName, persistentVolume, displayName, supportsContext }, signal) {
      const defaults = await contexts(signal);
      if (defaults === undefined) return NOTHING;
      const accessModes = persistentVolume?.spec?.accessModes?.filter(isAccessMode);
      const modes = persistentVolume === undefined ? undefined : (accessModes ?? []);
      const supported = gates.mountReadWriteOncePod && (await supportsContext(signal));
      const security = pod.spec?.securityContext;
      const fixedContext = contextOf(persistentVolume?.spec?.mountOptions ?? []);
      const decision = decideMount({
        contexts: defaults,
        gates,
        users: volumeUsersOf(pod, volumeName),
        driverSupportsContext: supported,
        ...(security?.seLinuxOptions !== undefined && { podOptions: security.seLinuxOptions }),
        ...(isChangePolicy(security?.seLinuxChangePolicy) && { changePolicy: security.seLinuxChangePolicy }),
        ...(modes !== undefined && { accessModes: modes }),
        ...(fixedContext !== undefined && { fixedContext }),
      });
      const accessMode = accessModeLabel(modes);
      const eligibility = accessModeEligibility({ gates, ...(modes !== undefined && { accessModes: modes }) });
      const blocks = eligibility === "eligible";
      const unbuildable = (text: string): SELinuxDemand => {
        deps.observe({ what: "container", accessMode, blocks });
        if (blocks) throw new OrlopError("Invalid", text, { retry: "backoff" });
        return { ...NOTHING, tracked: supported };
      };
      switch (decision.kind) {
        case "inactive":
        case "fixed-by-administrator":
          return NOTHING;
        case "bad-defaults":
          return unbuildable(
            `failed to construct SELinux label for volume ${displayName}: the operating system's label for container files is ${JSON.stringify(decision.text)}`,
          );
        case "pod-conflict": {
          deps.observe({ what: "pod", accessMode, blocks });
          if (!blocks) return NOTHING;
          const labels = decision.labels.map((label) => JSON.stringify(label)).join(", ");
          throw new OrlopError(
            "Invalid",
            `multiple SELinux labels found for volume ${displayName}: containers of this pod need ${labels}; give them one level, or set seLinuxChangePolicy: Recursive`,
            { retry: "backoff" },
          );
        }
        case "relabel-recursively":
          return { ...NOTHING, wanted: decision.wanted, tracked: supported, blocks };
        case "mount-with-context": {
          const { label, written, wanted } = decision;
          if (!(await isKnown(label, signal))) {
            return unbuildable(
              `failed to construct SELinux label for volume ${displayName}: the policy of this node does not know ${JSON.stringify(label)}`,
            );
          }
          return { context: label, contextText: written, wanted, tracked: supported, blocks };
        }
      }
    },
  };
}

function isAccessMode(mode: string): mode is AccessMode {
  return ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"].includes(mode);
}

function isChangePolicy(policy: string | undefined): policy is "Recursive" | "MountOption" {
  return policy === "Recursive" || policy === "MountOption";
}
