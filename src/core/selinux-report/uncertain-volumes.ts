import { driverOfPlugin } from "../selinux/persistent-volume.ts";
import { type Uncertainty, uncertaintiesOf } from "../selinux/uncertainty.ts";
import type { VolumeMember } from "../selinux/volume-use.ts";
import { type LabelledFrom, labelledFrom } from "./labelled-from.ts";
import type { ReportInput } from "./report.ts";
import { workloadOf, workloadText } from "./workload.ts";

/** Pods that are in no conflict by the rules, but of whose volume kubelets make different things. */
export interface ReportedUncertainVolume {
  readonly volume: string;
  readonly driver: string;
  /** "namespace/name" */
  readonly claims: readonly string[];
  readonly from: LabelledFrom;
  readonly because: Uncertainty;
  readonly pods: number;
  /** "namespace/Kind/name" */
  readonly workloads: readonly string[];
  readonly text: string;
  readonly advice: string;
}

const TEXTS: Readonly<Record<Uncertainty, readonly [text: string, advice: string]>> = {
  "no-level": [
    "some of the containers that mount it have a label or a level and not all have a level: Kubernetes' own kubelet mounts it with a label nobody knows beforehand, with that of the others, or refuses the pod",
    "give all of these containers the level (seLinuxOptions.level), or let `orlop selinux opt-out` set seLinuxChangePolicy: Recursive",
  ],
  spelling: [
    "one level written in different ways: Kubernetes' own kubelet compares the text and keeps the pods apart",
    "write the level in one way, categories ascending, or let `orlop selinux opt-out` set seLinuxChangePolicy: Recursive",
  ],
  "context-option": [
    "the PersistentVolume has a context among its mountOptions: Kubernetes' own kubelet adds the pod's label as a second one",
    "take it out of the mountOptions, or keep it and let `orlop selinux opt-out` set seLinuxChangePolicy: Recursive",
  ],
};

/** In the order of the index, lazily. */
export function* reportUncertainVolumes(
  input: Pick<ReportInput, "index" | "pod" | "ownerOf" | "namespace">,
): Generator<ReportedUncertainVolume> {
  const { index, namespace } = input;
  for (const volume of index.volumesInDoubt()) {
    for (const [because, members] of uncertaintiesOf(index.membersOf(volume))) {
      if (namespace !== undefined && !members.some(({ pod }) => pod.namespace === namespace)) continue;
      yield reportUncertain(input, volume, because, members);
    }
  }
}

function reportUncertain(
  { pod: podOf, ownerOf }: Pick<ReportInput, "pod" | "ownerOf">,
  volume: string,
  because: Uncertainty,
  members: readonly VolumeMember[],
): ReportedUncertainVolume {
  const [text, advice] = TEXTS[because];
  const { plugin = "", accessModes = [] } = members[0]?.use ?? {};
  const workloads = members.map(({ pod }) =>
    workloadText(workloadOf(podOf(`${pod.namespace}/${pod.name}`) ?? { metadata: pod }, ownerOf)),
  );
  const claims = members.flatMap(({ use: { claim } }) =>
    claim === undefined ? [] : [`${claim.namespace}/${claim.name}`],
  );
  return {
    volume,
    driver: driverOfPlugin(plugin) ?? plugin,
    claims: [...new Set(claims)].toSorted(),
    from: labelledFrom(accessModes),
    because,
    pods: members.length,
    workloads: [...new Set(workloads)].toSorted(),
    text,
    advice,
  };
}
