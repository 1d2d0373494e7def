import type { IdRange } from "../../core/userns/id-pool.ts";
import { verifyMapping, type MappingProof } from "./verify-mapping.ts";

/** Something of a pod that has a process on this host. */
export interface ProvenTarget {
  /** For texts: `the sandbox`, `container "app"`. */
  readonly what: string;
  /** The runtime's ID of it. */
  readonly id: string;
  /** Its first process now; undefined when there is none or the runtime does not say. */
  readonly process: (signal: AbortSignal) => Promise<number | undefined>;
}

/** The runtime did not give a pod the user namespace it was told to give: the pod must not go on. */
export class UnprotectedPod extends Error {
  override readonly name = "UnprotectedPod";
}

const ADVICE = {
  "the host's": "the container runtime did not do what it was asked for, update it or do not set hostUsers: false",
  others:
    "the container runtime gave it others, or the pod's mapping file was changed while it ran: create the pod again",
} as const;

export interface MappingProofsDeps {
  readonly rangeOf: (podUid: string) => IdRange | undefined;
  /** Text of a file below /proc; rejects when it is not there. */
  readonly readText: (path: string) => Promise<string>;
}

/** Shows that what runs runs with the IDs it was given, by asking the kernel instead of the runtime. */
export interface MappingProofs {
  /** Throws UnprotectedPod when one of them does not. What is proven once is not looked at again. */
  prove(podUid: string, targets: readonly ProvenTarget[], signal: AbortSignal): Promise<void>;
  forget(podUid: string): void;
}

export function createMappingProofs(deps: MappingProofsDeps): MappingProofs {
  const proven = new Map<string, Set<string>>();

  async function look(range: IdRange, pid: number): Promise<MappingProof> {
    const read = (file: string): Promise<string | undefined> =>
      deps.readText(`/proc/${pid}/${file}`).catch(() => undefined);
    const [uid, gid] = await Promise.all([read("uid_map"), read("gid_map")]);
    return verifyMapping(range, { uid, gid });
  }

  return {
    async prove(podUid, targets, signal) {
      const range = deps.rangeOf(podUid);
      if (range === undefined) return;
      for (const { what, id, process } of targets) {
        if (proven.get(podUid)?.has(id) === true) continue;
        const pid = await process(signal);
        if (pid === undefined) continue;
        const seen = await look(range, pid);
        if (seen.proof === "unknown") continue;
        if (seen.proof === "matches") {
          proven.set(podUid, (proven.get(podUid) ?? new Set()).add(id));
          continue;
        }
        // The number may be another process's by now, if ours ended in between.
        if ((await process(signal)) !== pid) continue;
        throw new UnprotectedPod(
          `${what} does not run in the pod's user namespace: ${seen.reason}; ${ADVICE[seen.runsWith]}`,
        );
      }
    },
    forget: (podUid) => void proven.delete(podUid),
  };
}
