import type { CSINode, Node } from "../../api/types.ts";
import {
  emptyCsiNode,
  NODE_ID_ANNOTATION,
  nodeIdsWithoutDriver,
  nodeMetadataWithDriver,
  type NodeDriver,
  withDriver,
  withoutDriver,
} from "../../core/csi/csi-node.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import { backoffDelay } from "../../machinery/backoff.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { CSI_NODES, NODES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";

/** Shows the CSI drivers of this node to the cluster: CSINode, the node's annotation and its topology labels. */
export interface CsiNodeObject {
  install(driver: NodeDriver, signal: AbortSignal): Promise<void>;
  uninstall(name: string, signal: AbortSignal): Promise<void>;
  /** Why pods with CSI volumes can not be scheduled here yet; undefined when they can. */
  problem(): string | undefined;
  /** Creates the object, without drivers, for a start. */
  readonly unit: Unit;
}

export interface CsiNodeObjectDeps {
  readonly client: Pick<ClusterClient, "get" | "create" | "update" | "patch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** As upstream: four tries within some 100 ms, for conflicts with other writers. */
const CONFLICT_RETRY = { initialMs: 10, maximumMs: 1_000, factor: 6 } as const;
const TRIES = 4;
const INITIAL_RETRY = { initialMs: 100, maximumMs: 10_000 } as const;

export function createCsiNodeObject(deps: CsiNodeObjectDeps, options: { readonly nodeName: string }): CsiNodeObject {
  const { client, clock, log } = deps;
  const key = { name: options.nodeName };
  let problem: string | undefined = "CSINode is not yet initialized";

  async function retried(doing: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await work();
      } catch (reason) {
        signal.throwIfAborted();
        if (failures >= TRIES || (reason instanceof OrlopError && reason.retry === "never")) {
          throw new OrlopError("Unavailable", `${doing}: ${messageOf(reason)}`, { cause: reason });
        }
        await clock.sleep(backoffDelay(failures, CONFLICT_RETRY, deps.random), signal);
      }
    }
  }

  async function ensured(signal: AbortSignal): Promise<CSINode> {
    const node = await client.get(NODES, key, signal);
    try {
      const found = await client.get(CSI_NODES, key, signal);
      const owner = found.metadata?.ownerReferences?.find(({ kind }) => kind === "Node");
      if (owner === undefined || owner.uid === node.metadata?.uid) return found;
      // Of a node that had this name before: it is about to be collected with it.
      throw new OrlopError("Conflict", `CSINode ${key.name} belongs to an earlier node of this name`, {
        retry: "backoff",
      });
    } catch (reason) {
      if (!hasReason(reason, "NotFound")) throw reason;
      return client.create(CSI_NODES, emptyCsiNode(node), signal);
    }
  }

  async function patchMetadata(
    node: Node,
    metadata: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void> {
    const value = { metadata: { ...metadata, resourceVersion: node.metadata?.resourceVersion } };
    await client.patch(NODES, key, { type: "merge", value }, signal);
  }

  async function tellNode(driver: NodeDriver, signal: AbortSignal): Promise<void> {
    const node = await client.get(NODES, key, signal);
    const change = nodeMetadataWithDriver(node, driver);
    if (!change.ok) throw new OrlopError("Conflict", change.reason, { retry: "never" });
    if (change.value !== undefined) await patchMetadata(node, change.value, signal);
  }

  return {
    problem: () => problem,
    async install(driver, signal) {
      await retried("error updating Node object with CSI driver node info", () => tellNode(driver, signal), signal);
      const tell = async (): Promise<void> => {
        const next = withDriver(await ensured(signal), driver);
        if (next !== undefined) await client.update(CSI_NODES, next, signal);
      };
      await retried("error updating CSINode object with CSI driver node info", tell, signal);
    },
    async uninstall(name, signal) {
      const forget = async (): Promise<void> => {
        const next = withoutDriver(await client.get(CSI_NODES, key, signal), name);
        if (next !== undefined) await client.update(CSI_NODES, next, signal);
      };
      const absentIsFine = (work: () => Promise<void>) => async () => {
        await work().catch((reason: unknown) => {
          if (!hasReason(reason, "NotFound")) throw reason;
        });
      };
      await retried("error uninstalling CSI driver from CSINode object", absentIsFine(forget), signal);
      const untell = async (): Promise<void> => {
        const node = await client.get(NODES, key, signal);
        const ids = nodeIdsWithoutDriver(node, name);
        if (!ids.ok) throw new OrlopError("Conflict", ids.reason, { retry: "never" });
        if (ids.value === undefined) return;
        await patchMetadata(node, { annotations: { [NODE_ID_ANNOTATION]: ids.value } }, signal);
      };
      await retried("error removing CSI driver node info from Node object", absentIsFine(untell), signal);
    },
    unit: {
      name: "CSINode",
      async run(signal, ready) {
        ready();
        for (let failures = 1; !signal.aborted; failures += 1) {
          try {
            await ensured(signal);
            problem = undefined;
            return;
          } catch (reason) {
            if (signal.aborted) return;
            if (hasReason(reason, "NotFound")) problem = "CSINode is not yet initialized: the node is not registered";
            else problem = `failed to initialize CSINode: ${messageOf(reason)}`;
            log.debug("CSINode could not be created, trying again", { reason: messageOf(reason) });
            await clock.sleep(backoffDelay(failures, INITIAL_RETRY, deps.random), signal).catch(() => undefined);
          }
        }
      },
    },
  };
}
