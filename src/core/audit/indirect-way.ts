import type { HeldCapability } from "./held-capabilities.ts";
import type { Principal } from "./principals.ts";

export type IndirectMethod =
  | "escalate"
  | "escalate-by-aggregation"
  | "bind"
  | "escalate-in-namespace"
  | "bind-in-namespace"
  | "impersonate"
  | "impersonate-node"
  | "create-token"
  | "create-token-secret"
  | "read-token-secret"
  | "create-pod"
  | "change-pod"
  | "create-workload"
  | "change-workload"
  | "exec-into-pod"
  | "approve-certificate"
  | "node-certificate";

/** One step towards running commands. */
export interface IndirectWay {
  readonly method: IndirectMethod;
  /** Who is taken over; undefined when the step gives the rights themselves. */
  readonly target?: Principal;
  /** The role that is bound or changed, e.g. "ClusterRole cluster-admin". */
  readonly role?: string;
  readonly capabilities: readonly HeldCapability[];
}

export interface IndirectAccess {
  readonly principal: Principal;
  /** Shortest first; one for each method. */
  readonly ways: readonly IndirectWay[];
}
