import { invalidFor, invalidValue, notSupported, required, when } from "../../field-error.ts";
import { byteLength, dnsLabelProblems, rangeProblem } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";

/** A volume source as JSON; its schema was checked before. */
export type Source = Readonly<Record<string, unknown>>;

/** Fields that a source of this type must have (non-empty). They are the same in pods and in persistent volumes. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  awsElasticBlockStore: ["volumeID"],
  azureDisk: ["diskName", "diskURI"],
  azureFile: ["secretName", "shareName"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  flexVolume: ["driver"],
  gcePersistentDisk: ["pdName"],
  glusterfs: ["endpoints", "path"],
  iscsi: ["targetPortal", "iqn"],
  nfs: ["server", "path"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  rbd: ["monitors", "image"],
  scaleIO: ["gateway", "system", "volumeName"],
  storageos: ["volumeName"],
  vsphereVolume: ["volumePath"],
};

function text(source: Source, field: string): string {
  const value = source[field];
  return typeof value === "string" ? value : "";
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

function partitionErrors(source: Source, field: string): readonly FieldError[] {
  const partition = Number(source["partition"] ?? 0);
  return when(partition < 0 || partition > 255, invalidValue(`${field}.partition`, partition, rangeProblem(1, 255)));
}

const ISCSI_PATTERNS: readonly (readonly [string, RegExp])[] = [
  ["iqn", /iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$/u],
  ["eui", /^eui.[A-Za-z0-9]{16}$/u],
  ["naa", /^naa.[A-Za-z0-9]{32}$/u],
];

function iscsiNameErrors(name: string, field: string, isPersistent: boolean): readonly FieldError[] {
  const pattern = ISCSI_PATTERNS.find(([prefix]) => name.startsWith(prefix))?.[1];
  const prefixes = isPersistent ? "" : " starting with iqn, eui, or naa";
  if (pattern === undefined) return [invalidValue(field, name, `must be valid format${prefixes}`)];
  return when(!pattern.test(name), invalidValue(field, name, "must be valid format"));
}

function lunErrors(lun: number, field: string): readonly FieldError[] {
  return when(lun < 0 || lun > 255, invalidValue(`${field}.lun`, lun, rangeProblem(0, 255)));
}

function iscsiErrors(source: Source, field: string, isPersistent: boolean): readonly FieldError[] {
  const usesSecret = source["chapAuthDiscovery"] === true || source["chapAuthSession"] === true;
  const name = text(source, "iqn");
  const initiator = source["initiatorName"];
  return [
    ...(name === "" ? [] : iscsiNameErrors(name, `${field}.iqn`, isPersistent)),
    ...lunErrors(Number(source["lun"] ?? 0), field),
    ...when(usesSecret && source["secretRef"] === undefined, required(`${field}.secretRef`)),
    ...when(
      isPersistent && source["secretRef"] !== undefined && text(source["secretRef"] as Source, "name") === "",
      required(`${field}.secretRef.name`),
    ),
    ...(typeof initiator === "string" ? iscsiNameErrors(initiator, `${field}.initiatorname`, isPersistent) : []),
  ];
}

function fibreChannelErrors(source: Source, field: string): readonly FieldError[] {
  const names = source["targetWWNs"];
  const ids = source["wwids"];
  const lun = source["lun"];
  const errors = [
    ...when(
      isEmpty(names) && isEmpty(ids),
      required(`${field}.targetWWNs`, "must specify either targetWWNs or wwids, but not both"),
    ),
    ...when(
      !isEmpty(names) && !isEmpty(ids),
      invalidValue(`${field}.targetWWNs`, names, "targetWWNs and wwids can not be specified simultaneously"),
    ),
  ];
  if (isEmpty(names)) return errors;
  if (lun === undefined) return [...errors, required(`${field}.lun`, "lun is required if targetWWNs is specified")];
  return [...errors, ...lunErrors(Number(lun), field)];
}

function flockerErrors(source: Source, field: string): readonly FieldError[] {
  const name = text(source, "datasetName");
  const id = text(source, "datasetUUID");
  return [
    ...when(name === "" && id === "", required(field, "one of datasetName and datasetUUID is required")),
    ...when(
      name !== "" && id !== "",
      invalidValue(field, "resource", "datasetName and datasetUUID can not be specified simultaneously"),
    ),
    ...when(name.includes("/"), invalidValue(`${field}.datasetName`, name, "must not contain '/'")),
  ];
}

const PAIRS = "must be a host:port pair or multiple pairs separated by commas";

function quobyteErrors(source: Source, field: string): readonly FieldError[] {
  const registry = text(source, "registry");
  const volume = when(text(source, "volume") === "", required(`${field}.volume`));
  if (registry === "") return [required(`${field}.registry`, PAIRS), ...volume];
  if (byteLength(text(source, "tenant")) >= 65) {
    return [required(`${field}.tenant`, "must be a UUID and may not exceed a length of 64 characters"), ...volume];
  }
  const bad = registry.split(",").filter((pair) => !/^(?:[^:]*|\[[^\]]*\]):[^:]*$/u.test(pair));
  return [...bad.map(() => invalidValue(`${field}.registry`, registry, PAIRS)), ...volume];
}

function flexErrors(source: Source, field: string): readonly FieldError[] {
  return Object.keys((source["options"] ?? {}) as Source).flatMap((key) => {
    const namespace = `.${(key.includes("/") ? (key.split("/")[0] ?? "") : key).toLowerCase()}`;
    const isReserved = namespace.endsWith(".kubernetes.io") || namespace.endsWith(".k8s.io");
    const problem = "kubernetes.io and k8s.io namespaces are reserved";
    return when(isReserved, invalidValue(`${field}.options[${key}]`, key, problem));
  });
}

const CACHING_MODES = ["None", "ReadOnly", "ReadWrite"];
const DISK_KINDS = ["Dedicated", "Managed", "Shared"];
const MANAGED_DISK = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";

function azureDiskErrors(source: Source, field: string): readonly FieldError[] {
  const kind = source["kind"];
  const caching = source["cachingMode"];
  const uri = text(source, "diskURI");
  const [prefix, example] = kind === "Managed" ? ["/subscriptions/", MANAGED_DISK] : ["https://", BLOB_DISK];
  return [
    ...when(
      caching !== undefined && !CACHING_MODES.includes(String(caching)),
      notSupported(`${field}.cachingMode`, caching, CACHING_MODES),
    ),
    ...when(kind !== undefined && !DISK_KINDS.includes(String(kind)), notSupported(`${field}.kind`, kind, DISK_KINDS)),
    ...when(kind !== undefined && !uri.startsWith(prefix), notSupported(`${field}.diskURI`, uri, [example])),
  ];
}

function storageOsErrors(source: Source, field: string): readonly FieldError[] {
  return ["volumeName", "volumeNamespace"].flatMap((key) => {
    const value = text(source, key);
    return value === "" ? [] : invalidFor(`${field}.${key}`, value, dnsLabelProblems(value));
  });
}

type Rule = (source: Source, field: string, isPersistent: boolean) => readonly FieldError[];

const SPECIAL: Readonly<Record<string, Rule>> = {
  awsElasticBlockStore: partitionErrors,
  gcePersistentDisk: partitionErrors,
  azureDisk: azureDiskErrors,
  azureFile: (source, field) => when(source["secretNamespace"] === "", required(`${field}.secretNamespace`)),
  fc: fibreChannelErrors,
  flexVolume: flexErrors,
  flocker: flockerErrors,
  iscsi: iscsiErrors,
  quobyte: quobyteErrors,
  storageos: storageOsErrors,
  nfs: (source, field) => {
    const path = text(source, "path");
    return when(!path.startsWith("/"), invalidValue(`${field}.path`, path, "must be an absolute path"));
  },
};

/** Types with a secretRef whose name (and, in persistent volumes, namespace) must be given. */
const WITH_SECRET: ReadonlySet<string> = new Set(["cinder", "storageos"]);

function secretErrors(source: Source, field: string, isPersistent: boolean): readonly FieldError[] {
  const reference = source["secretRef"] as Source | undefined;
  if (reference === undefined) return [];
  return [
    ...when(text(reference, "name") === "", required(`${field}.secretRef.name`)),
    ...when(isPersistent && text(reference, "namespace") === "", required(`${field}.secretRef.namespace`)),
  ];
}

/** Storage systems Kubernetes knows by name; the kubelet may not be able to mount them. */
export const STORAGE_SYSTEMS: readonly string[] = [...new Set([...Object.keys(REQUIRED), ...Object.keys(SPECIAL)])];

export function validateStorageSystem(
  type: string,
  source: Source,
  field: string,
  isPersistent: boolean,
): readonly FieldError[] {
  const missing = (REQUIRED[type] ?? []).filter((name) => isEmpty(source[name]));
  return [
    ...missing.map((name) => required(`${field}.${name}`)),
    ...(SPECIAL[type]?.(source, field, isPersistent) ?? []),
    ...(WITH_SECRET.has(type) ? secretErrors(source, field, isPersistent) : []),
  ];
}
