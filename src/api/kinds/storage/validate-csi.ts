import {
  IMMUTABLE,
  NOT_NEGATIVE,
  duplicate,
  invalidFor,
  invalidValue,
  notSupported,
  optionalOneOf,
  required,
  when,
} from "../../field-error.ts";
import { byteLength, labelKeyProblems } from "../../names.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { CSIDriver, CSINode, KubernetesObject, Unchecked } from "../../types.ts";
import type { KindContext } from "../definition.ts";
import { without } from "../fill.ts";
import { validateCsiDriverName } from "./csi-driver-name.ts";

type DriverSpec = NonNullable<Unchecked<CSIDriver>["spec"]>;
type NodeDriver = NonNullable<NonNullable<Unchecked<CSINode>["spec"]>["drivers"]>[number];

const FS_GROUP_POLICIES = ["File", "None", "ReadWriteOnceWithFSType"];
const MODES = ["Persistent", "Ephemeral"];
const SHORTEST_TOKEN = 600;
const LONGEST_TOKEN = 2 ** 32;
const SHORTEST_PERIOD = 10;
const LONGEST_NODE_ID = 256;

function tokenErrors(requests: DriverSpec["tokenRequests"], field: string): readonly FieldError[] {
  const audiences = new Set<string>();
  return (requests ?? []).flatMap(({ audience = "", expirationSeconds: seconds }, i) => {
    const at = `${field}[${i}]`;
    if (audiences.has(audience)) return [duplicate(`${at}.audience`, audience)];
    audiences.add(audience);
    if (seconds === undefined) return [];
    const life = `${at}.expirationSeconds`;
    return [
      ...when(seconds < SHORTEST_TOKEN, invalidValue(life, seconds, "may not specify a duration less than 10 minutes")),
      ...when(
        seconds > LONGEST_TOKEN,
        invalidValue(life, seconds, "may not specify a duration larger than 2^32 seconds"),
      ),
    ];
  });
}

export function validateCsiDriver(object: KubernetesObject, { gates }: KindContext): readonly FieldError[] {
  const spec = (object as Unchecked<CSIDriver>).spec ?? {};
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  const needsLabel = spec.seLinuxMount === undefined && gates.enabled("SELinuxMountReadWriteOncePod");
  const tokens = spec.serviceAccountTokenInSecrets;
  const tokenText = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
  return [
    ...when(spec.attachRequired === undefined, required("spec.attachedRequired")),
    ...when(spec.podInfoOnMount === undefined, required("spec.podInfoOnMount")),
    ...when(spec.storageCapacity === undefined, required("spec.storageCapacity")),
    ...optionalOneOf("spec.fsGroupPolicy", spec.fsGroupPolicy, FS_GROUP_POLICIES),
    ...tokenErrors(spec.tokenRequests, "spec.tokenRequests"),
    ...((spec.volumeLifecycleModes ?? []) as readonly string[]).flatMap((mode) =>
      when(!MODES.includes(mode), notSupported("spec.volumeLifecycleModes", mode, MODES)),
    ),
    ...when(needsLabel, required("spec.seLinuxMount")),
    ...when(
      period !== undefined && period < SHORTEST_PERIOD,
      invalidValue(
        "spec.nodeAllocatableUpdatePeriodSeconds",
        period,
        `must be greater than or equal to ${SHORTEST_PERIOD} seconds`,
      ),
    ),
    ...when(
      tokens !== undefined && (spec.tokenRequests ?? []).length === 0,
      invalidValue("spec.serviceAccountTokenInSecrets", tokens, tokenText),
    ),
  ];
}

export function validateCsiDriverUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  context: KindContext,
): readonly FieldError[] {
  const [spec, old] = [object, oldObject].map((driver) => (driver as Unchecked<CSIDriver>).spec ?? {});
  return [
    ...validateCsiDriver(object, context),
    ...when(
      spec?.attachRequired !== old?.attachRequired,
      invalidValue("spec.attachedRequired", spec?.attachRequired, IMMUTABLE),
    ),
    ...when(
      !deepEqual(spec?.volumeLifecycleModes, old?.volumeLifecycleModes),
      invalidValue("spec.volumeLifecycleModes", spec?.volumeLifecycleModes, IMMUTABLE),
    ),
  ];
}

function topologyErrors(keys: readonly string[], field: string): readonly FieldError[] {
  return keys.flatMap((key, i) => [
    ...when(key === "", required(field)),
    ...when(keys.indexOf(key) < i, duplicate(field, key)),
    ...invalidFor(field, key, labelKeyProblems(key)),
  ]);
}

function nodeDriverErrors(driver: NodeDriver, isTwice: boolean, field: string): readonly FieldError[] {
  const { name = "", nodeID = "", allocatable, topologyKeys = [] } = driver;
  const count = allocatable?.count ?? 0;
  return [
    ...validateCsiDriverName(`${field}.name`, name),
    ...when(nodeID === "", required(`${field}.nodeID`)),
    ...when(
      byteLength(nodeID) > LONGEST_NODE_ID,
      invalidValue(`${field}.nodeID`, nodeID, `must be ${LONGEST_NODE_ID} characters or less`),
    ),
    ...when(count < 0, invalidValue(`${field}.allocatable.count`, count, NOT_NEGATIVE)),
    ...when(isTwice, duplicate(`${field}.name`, name)),
    ...topologyErrors(topologyKeys as readonly string[], field),
  ];
}

export function validateCsiNode(object: KubernetesObject): readonly FieldError[] {
  const drivers = (object as Unchecked<CSINode>).spec?.drivers ?? [];
  return drivers.flatMap((driver, i) => {
    const isTwice = drivers.slice(0, i).some(({ name }) => name === driver.name);
    return nodeDriverErrors(driver, isTwice, `spec.drivers[${i}]`);
  });
}

/** A driver's entry is fixed but for its limits. */
export function validateCsiNodeUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  { gates }: KindContext,
): readonly FieldError[] {
  const isLimitMutable = gates.enabled("MutableCSINodeAllocatableCount");
  const drivers = (object as Unchecked<CSINode>).spec?.drivers ?? [];
  const before = (old as Unchecked<CSINode>).spec?.drivers ?? [];
  return [
    ...validateCsiNode(object),
    ...before.flatMap((driver) => {
      const after = drivers.find(({ name }) => name === driver.name);
      if (after === undefined) return [];
      const isSame = isLimitMutable
        ? deepEqual(without(after, "allocatable"), without(driver, "allocatable"))
        : deepEqual(after, driver);
      return when(!isSame, invalidValue("spec.drivers", after, IMMUTABLE));
    }),
  ];
}
