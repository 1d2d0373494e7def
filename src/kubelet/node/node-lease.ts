import type { Lease } from "../../api/types.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import { LEASES } from "../../machinery/resources.ts";
import type { Unit } from "../../machinery/unit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

export interface NodeLeaseDeps {
  readonly client: Pick<ClusterClient, "get" | "create" | "update">;
  readonly clock: Clock;
  readonly log: Log;
  /** uid of the Node once it is registered. */
  readonly nodeUid: () => string | undefined;
}

export interface NodeLeaseOptions {
  readonly nodeName: string;
  /** How long others trust a renewal. It is renewed at a quarter of that. */
  readonly durationSeconds: number;
}

const NAMESPACE = "kube-node-lease";
const QUICK_ATTEMPTS = 5;
const QUICK_PAUSE_MS = 200;

/** RFC 3339 with microseconds, as MicroTime is written. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}

/** The node's heartbeat: a Lease in kube-node-lease, renewed as long as this process lives. */
export function createNodeLease(deps: NodeLeaseDeps, options: NodeLeaseOptions): Unit {
  const { nodeName: name, durationSeconds } = options;
  let latest: Lease | undefined;

  const wanted = (base: Lease | undefined): Lease => {
    const uid = deps.nodeUid();
    const owners = base?.metadata?.ownerReferences ?? [];
    return {
      ...base,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...base?.metadata,
        name,
        namespace: NAMESPACE,
        // Goes away together with the node.
        ...(owners.length === 0 &&
          uid !== undefined && { ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] }),
      },
      spec: {
        ...base?.spec,
        holderIdentity: name,
        leaseDurationSeconds: durationSeconds,
        renewTime: microTime(deps.clock.now()),
      },
    };
  };

  const renew = async (signal: AbortSignal): Promise<void> => {
    if (latest !== undefined) {
      try {
        latest = await deps.client.update(LEASES, wanted(latest), signal);
        return;
      } catch (reason) {
        if (!hasReason(reason, "Conflict", "NotFound")) throw reason;
        latest = undefined;
      }
    }
    try {
      const current = await deps.client.get(LEASES, { namespace: NAMESPACE, name }, signal);
      latest = await deps.client.update(LEASES, wanted(current), signal);
    } catch (reason) {
      if (!hasReason(reason, "NotFound")) throw reason;
      latest = await deps.client.create(LEASES, wanted(undefined), signal);
    }
  };

  return {
    name: "node lease",
    run: async (signal, ready) => {
      while (!signal.aborted) {
        for (let attempt = 1; attempt <= QUICK_ATTEMPTS && !signal.aborted; attempt++) {
          try {
            await renew(signal);
            break;
          } catch (reason) {
            if (signal.aborted) return;
            if (attempt === QUICK_ATTEMPTS)
              deps.log.warn("cannot renew the node lease", { node: name, reason: messageOf(reason) });
            else await deps.clock.sleep(QUICK_PAUSE_MS * attempt, signal).catch(() => undefined);
          }
        }
        // Others may go on without it: an API server that is away is not a reason to stop.
        ready();
        await deps.clock.sleep(durationSeconds * 250, signal).catch(() => undefined);
      }
    },
  };
}
