import {
  duplicate,
  forbiddenField,
  invalidFor,
  invalidValue,
  required,
  requiredName,
  requiredOneOf,
  when,
} from "../../field-error.ts";
import { parseQuantity } from "../../../lib/quantity.ts";
import { byteLength, dnsLabelProblems, dnsSubdomainProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import { validateClaimTemplate } from "../core/validate-claim.ts";
import { validateCsiDriverName } from "../storage/csi-driver-name.ts";
import { STORAGE_SYSTEMS, validateStorageSystem } from "../volumes/storage-systems.ts";
import type { Source } from "../volumes/storage-systems.ts";
import type { AnyVolume, PodRules } from "./pod-rules.ts";
import { validateDownwardApiFile } from "./validate-downward-api.ts";
import { hostPathTypeErrors } from "../volumes/host-path-type.ts";
import { validateDescendingPath, validateFileMode, validateNoBacksteps } from "./validate-paths.ts";
import { validateProjectedVolume } from "./validate-projected-volume.ts";
import { validateItem } from "./validate-volume-item.ts";

/** Volumes by name, those that are valid. */
export type Volumes = ReadonlyMap<string, AnyVolume>;

type Items = NonNullable<NonNullable<AnyVolume["secret"]>["items"]>;

type Rules = PodRules;
type SourceRule<K extends keyof AnyVolume> = (
  source: NonNullable<AnyVolume[K]>,
  field: string,
  rules: Rules,
) => readonly FieldError[];
type SourceRules = { readonly [K in keyof AnyVolume]?: SourceRule<K> };

function filesOf(
  source: { readonly defaultMode?: number | undefined; readonly items?: Items | undefined },
  field: string,
): readonly FieldError[] {
  return [
    ...validateFileMode(`${field}.defaultMode`, source.defaultMode),
    ...(source.items ?? []).flatMap((item, i) => validateItem(`${field}.items[${i}]`, item)),
  ];
}

const KUBERNETES_RULES: SourceRules = {
  emptyDir: ({ sizeLimit }, field) => {
    const limit = sizeLimit === undefined ? undefined : parseQuantity(sizeLimit);
    const isNegative = limit?.ok === true && limit.value.nanos < 0n;
    return when(isNegative, forbiddenField(`${field}.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
  },
  hostPath: ({ path = "", type = "" }, field) => {
    if (path === "") return [required(`${field}.path`)];
    return [...validateNoBacksteps(`${field}.path`, path), ...hostPathTypeErrors(type, `${field}.type`)];
  },
  gitRepo: ({ repository = "", directory = "" }, field) => [
    ...when(repository === "", required(`${field}.repository`)),
    ...validateDescendingPath(`${field}.directory`, directory),
  ],
  secret: (source, field) => [
    ...when((source.secretName ?? "") === "", required(`${field}.secretName`)),
    ...filesOf(source, field),
  ],
  configMap: (source, field) => [
    ...when((source.name ?? "") === "", required(`${field}.name`)),
    ...filesOf(source, field),
  ],
  persistentVolumeClaim: ({ claimName = "" }, field) => when(claimName === "", required(`${field}.claimName`)),
  downwardAPI: ({ defaultMode, items }, field) => [
    ...validateFileMode(`${field}.defaultMode`, defaultMode),
    // The texts users know name the volume, not the single file.
    ...(items ?? []).flatMap((file) => validateDownwardApiFile(file, field)),
  ],
  projected: (source, field) => validateProjectedVolume(source, field),
  csi: ({ driver, nodePublishSecretRef }, field) => {
    const name = nodePublishSecretRef?.name ?? "";
    const secret =
      nodePublishSecretRef === undefined
        ? []
        : name === ""
          ? [required(`${field}.nodePublishSecretRef.name`)]
          : invalidFor(`${field}.name`, name, dnsSubdomainProblems(name));
    return [...validateCsiDriverName(`${field}.driver`, driver), ...secret];
  },
  ephemeral: ({ volumeClaimTemplate }, field) =>
    volumeClaimTemplate === undefined
      ? [required(`${field}.volumeClaimTemplate`)]
      : validateClaimTemplate(volumeClaimTemplate, `${field}.volumeClaimTemplate`),
  image: ({ reference = "", pullPolicy }, field, { isPod }) => [
    ...when(isPod && reference === "", required(`${field}.reference`)),
    ...requiredOneOf(`${field}.pullPolicy`, pullPolicy, ["Always", "IfNotPresent", "Never"]),
  ],
};

const SOURCES: readonly string[] = [...Object.keys(KUBERNETES_RULES), ...STORAGE_SYSTEMS];

/** gcePersistentDisk problems are reported under another name. */
function reportedAs(type: string): string {
  return type === "gcePersistentDisk" ? "persistentDisk" : type;
}

function oneSourceErrors(type: keyof AnyVolume, volume: AnyVolume, field: string, rules: Rules): readonly FieldError[] {
  const source = volume[type] as NonNullable<AnyVolume[typeof type]>;
  const check = KUBERNETES_RULES[type] as SourceRule<typeof type> | undefined;
  const at = `${field}.${reportedAs(type)}`;
  return check?.(source, at, rules) ?? validateStorageSystem(type, source as Source, at, false);
}

function sourceErrors(volume: AnyVolume, field: string, rules: Rules): readonly FieldError[] {
  const given = SOURCES.filter((type) => volume[type as keyof AnyVolume] !== undefined) as (keyof AnyVolume)[];
  const [first] = given;
  if (first === undefined) return [required(field, "must specify a volume type")];
  return [
    ...oneSourceErrors(first, volume, field, rules),
    ...given.slice(1).map((type) => forbiddenField(`${field}.${type}`, "may not specify more than 1 volume type")),
  ];
}

function iscsiNameErrors({ name = "", iscsi }: AnyVolume, field: string): readonly FieldError[] {
  if (iscsi?.initiatorName === undefined || byteLength(`${name}:${iscsi.targetPortal ?? ""}`) <= 64) return [];
  const text =
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
  return [invalidValue(`${field}.name`, name, text)];
}

function claimNameErrors(volume: AnyVolume, field: string, podName: string): readonly FieldError[] {
  const { name = "", ephemeral } = volume;
  if (ephemeral === undefined || podName === "" || name === "") return [];
  const claim = `${podName}-${name}`;
  return invalidFor(
    `${field}.name`,
    name,
    dnsSubdomainProblems(claim).map((problem) => `PVC name ${JSON.stringify(claim)}: ${problem}`),
  );
}

/** @param podName "" when it is not known, as in templates */
export function validateVolumes(
  volumes: readonly AnyVolume[],
  podName: string,
  field: string,
  rules: Rules,
): { readonly errors: readonly FieldError[]; readonly volumes: Volumes } {
  const errors: FieldError[] = [];
  const valid = new Map<string, AnyVolume>();
  const created = new Set(
    volumes
      .filter(({ ephemeral }) => ephemeral !== undefined && podName !== "")
      .map(({ name }) => `${podName}-${name ?? ""}`),
  );
  for (const [i, volume] of volumes.entries()) {
    const at = `${field}[${i}]`;
    const { name = "" } = volume;
    const own = [
      ...sourceErrors(volume, at, rules),
      ...iscsiNameErrors(volume, at),
      ...claimNameErrors(volume, at, podName),
      ...requiredName(`${at}.name`, name, dnsLabelProblems),
      ...when(valid.has(name), duplicate(`${at}.name`, name)),
    ];
    if (own.length === 0) valid.set(name, volume);
    errors.push(...own);
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (claimName !== undefined && created.has(claimName)) {
      const text = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalidValue(`${at}.persistentVolumeClaim.claimName`, claimName, text));
    }
  }
  return { errors, volumes: valid };
}
