import { join } from "node:path";
import { ORLOP_VERSION } from "../api/version.ts";
import { hasReason } from "../machinery/answer-error.ts";
import { createClusterClient, type ClusterClient } from "../machinery/cluster-client.ts";
import {
  type ApiObject,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CSI_DRIVERS,
  type Resource,
  SERVICE_ACCOUNTS,
  STORAGE_CLASSES,
} from "../machinery/resources.ts";
import { createUnitGroup, type Unit } from "../machinery/unit.ts";
import type { ControlPlane } from "./control-plane.ts";
import {
  CLUSTER_ROLE,
  CLUSTER_ROLE_BINDING,
  CSI_DRIVER,
  SERVICE_ACCOUNT,
  STORAGE_ACCOUNT,
  STORAGE_CLASS,
  STORAGE_NAMESPACE,
} from "./default-storage-objects.ts";
import { createStorageDriver } from "./storage-driver.ts";
import type { SystemDeps } from "./system.ts";

export interface DefaultStorageOptions {
  readonly dataDir: string;
  readonly nodeName: string;
}

/** Storage for claims that name no class: the driver in this process, under its own ServiceAccount's rights. */
export function createDefaultStorage(
  deps: SystemDeps,
  controlPlane: Pick<ControlPlane, "connect">,
  { dataDir, nodeName }: DefaultStorageOptions,
): Unit {
  const administrator = controlPlane.connect({
    name: "system:orlop:default-storage",
    groups: ["system:masters", "system:authenticated"],
    extra: {},
  });
  const account = controlPlane.connect({
    name: `system:serviceaccount:${STORAGE_NAMESPACE}:${STORAGE_ACCOUNT}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${STORAGE_NAMESPACE}`, "system:authenticated"],
    extra: {},
  });
  const objects: Unit = {
    name: "default-storage-objects",
    async run(signal, ready) {
      const userAgent = `orlop-default-storage/${ORLOP_VERSION}`;
      await ensureStorageObjects(createClusterClient({ transport: administrator, userAgent }), signal);
      ready();
    },
  };
  const options = { volumesDir: join(dataDir, "volumes"), kubeletRoot: join(dataDir, "kubelet"), nodeName };
  return createUnitGroup("default-storage", [objects, createStorageDriver(deps, account, options)], "in-order");
}

/** Makes what is missing. What is there stays as its administrator left it. */
export async function ensureStorageObjects(client: ClusterClient, signal: AbortSignal): Promise<void> {
  const ensure = async <T extends ApiObject>(resource: Resource<T>, object: T): Promise<void> => {
    await client.create(resource, object, signal).catch((reason: unknown) => {
      if (!hasReason(reason, "AlreadyExists")) throw reason;
    });
  };
  await ensure(SERVICE_ACCOUNTS, SERVICE_ACCOUNT);
  await ensure(CLUSTER_ROLES, CLUSTER_ROLE);
  await ensure(CLUSTER_ROLE_BINDINGS, CLUSTER_ROLE_BINDING);
  await ensure(CSI_DRIVERS, CSI_DRIVER);
  await ensure(STORAGE_CLASSES, STORAGE_CLASS);
}
