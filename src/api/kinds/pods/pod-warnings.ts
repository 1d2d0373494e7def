import { ipWarnings } from "../../ip-warnings.ts";
import { dnsLabelProblems } from "../../names.ts";
import type { KubernetesObject, Pod, Unchecked } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import { labelKeyWarnings, labelMapWarnings, nodeSelectorTermWarnings } from "../deprecated-labels.ts";
import { fractionalByteWarnings } from "../fractional-bytes.ts";
import { containerWarnings } from "./container-warnings.ts";
import { overlappingPathWarnings } from "./overlapping-paths.ts";
import type { AnyPodSpec, AnyVolume } from "./pod-rules.ts";

type Annotations = Readonly<Record<string, unknown>>;
type AnyAffinity = NonNullable<AnyPodSpec["affinity"]>;

const ANNOTATIONS: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
};
const OLD_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';

const VOLUMES: readonly (readonly [keyof AnyVolume, string])[] = [
  ["photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

function nodeAffinityWarnings(affinity: AnyAffinity | undefined, field: string): readonly string[] {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const at = `${field}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  return [
    ...required.flatMap((term, i) => nodeSelectorTermWarnings(term, false, `${at}[${i}]`)),
    ...preferred.flatMap(({ preference }, i) => {
      const place = `${field}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`;
      return nodeSelectorTermWarnings(preference, true, place);
    }),
  ];
}

function noSelector(selector: unknown, field: string): readonly string[] {
  return selector === undefined ? [`${field}: a null labelSelector results in matching no pod`] : [];
}

function podAffinityWarnings(affinity: AnyAffinity | undefined, field: string): readonly string[] {
  return (["podAffinity", "podAntiAffinity"] as const).flatMap((name) => {
    const terms = affinity?.[name];
    const at = `${field}.${name}`;
    return [
      ...(terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
        noSelector(term.labelSelector, `${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector`),
      ),
      ...(terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ podAffinityTerm: term }, i) => {
        const place = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm`;
        return noSelector(term?.labelSelector, `${place}.labelSelector`);
      }),
    ];
  });
}

function spreadWarnings(spec: AnyPodSpec, field: string): readonly string[] {
  return (spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, i) => [
    ...labelKeyWarnings(topologyKey, `${field}[${i}].topologyKey`),
    ...noSelector(labelSelector, `${field}[${i}].labelSelector`),
  ]);
}

function volumeWarnings(volume: AnyVolume, field: string): readonly string[] {
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec?.resources;
  const at = `${field}.ephemeral.volumeClaimTemplate.spec.resources`;
  return [
    ...VOLUMES.flatMap(([type, text]) =>
      volume[type] === undefined ? [] : [`${field}.${type === "storageos" ? "storageOS" : type}: ${text}`],
    ),
    ...fractionalByteWarnings(claim?.requests, ["storage"], `${at}.requests`),
    ...fractionalByteWarnings(claim?.limits, ["storage"], `${at}.limits`),
  ];
}

/** Warnings about entries whose key was there before. */
function repeated(keys: readonly string[], text: (key: string, i: number) => string): readonly string[] {
  return keys.flatMap((key, i) => (keys.indexOf(key) < i ? [text(key, i)] : []));
}

function referenceWarnings(spec: AnyPodSpec, root: string): readonly string[] {
  const secrets = (spec.imagePullSecrets ?? []).map(({ name = "" }) => name);
  const at = `${root}.imagePullSecrets`;
  return [
    ...repeated(
      (spec.hostAliases ?? []).map(({ ip = "" }) => ip),
      (ip, i) => `${root}.hostAliases[${i}].ip: duplicate ip ${JSON.stringify(ip)}`,
    ),
    ...repeated(secrets, (name, i) => `${at}[${i}].name: duplicate name ${JSON.stringify(name)}`),
    ...secrets.flatMap((name, i) => (name === "" ? [`${at}[${i}].name: invalid empty name ""`] : [])),
  ];
}

function annotationWarnings(spec: AnyPodSpec, annotations: Annotations, field: string): readonly string[] {
  const pod = "seccomp.security.alpha.kubernetes.io/pod";
  const isReplaced = spec.securityContext?.seccompProfile !== undefined;
  return [
    ...Object.entries(ANNOTATIONS).flatMap(([key, text]) =>
      annotations[key] === undefined ? [] : [`${field}[${key}]: ${text}`],
    ),
    ...(annotations[pod] !== undefined && !isReplaced ? [`${field}[${pod}]: ${OLD_SECCOMP}`] : []),
  ];
}

/** Warnings about what is allowed in a pod but of no use. @param prefix "" for a pod, `template.` for a template */
export function podSpecWarnings(spec: AnyPodSpec, annotations: Annotations, prefix: string): readonly string[] {
  const root = `${prefix}spec`;
  const metadata = `${prefix}metadata.annotations`;
  return [
    ...labelMapWarnings(spec.nodeSelector, (key) => `${root}.nodeSelector[${key}]`),
    ...nodeAffinityWarnings(spec.affinity, `${root}.affinity`),
    ...spreadWarnings(spec, `${root}.topologySpreadConstraints`),
    ...annotationWarnings(spec, annotations, metadata),
    ...(spec.volumes ?? []).flatMap((volume, i) => volumeWarnings(volume, `${root}.volumes[${i}]`)),
    ...overlappingPathWarnings(spec.volumes ?? []),
    ...referenceWarnings(spec, root),
    ...fractionalByteWarnings(spec.overhead, ["memory", "ephemeral-storage"], `${root}.overhead`),
    ...containerWarnings(spec, annotations, root, metadata),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${root}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...podAffinityWarnings(spec.affinity, `${root}.affinity`),
    ...((spec.dnsConfig?.nameservers ?? []) as readonly string[]).flatMap((address, i) =>
      ipWarnings(`${root}.dnsConfig.nameservers[${i}]`, address),
    ),
    ...(spec.hostAliases ?? []).flatMap(({ ip = "" }, i) => ipWarnings(`${root}.hostAliases[${i}].ip`, ip)),
  ];
}

/** Only new pods are worth it: changes of pods are frequent and rarely made by people. */
export function podWarnings(
  object: KubernetesObject,
  _context: KindContext,
  old: KubernetesObject | undefined,
): readonly string[] {
  if (old !== undefined) return [];
  const { metadata, spec = {} } = object as Unchecked<Pod>;
  const problems = dnsLabelProblems(metadata?.name ?? "");
  const unfit = `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(" ")}]`;
  return [...(problems.length > 0 ? [unfit] : []), ...podSpecWarnings(spec, metadata?.annotations ?? {}, "")];
}
