import type { IndirectMethod } from "./indirect-way.ts";
import type { AccessGrant, ActionAccess, Route } from "./kubelet-access.ts";
import type { Remark } from "./look-alikes.ts";
import type { NodeClass } from "./node-classes.ts";
import type { Origin } from "./origin.ts";
import type { Principal } from "./principals.ts";
import type { Remediation } from "./remediation.ts";
import type { Usage } from "./usage.ts";

export const REPORT_API_VERSION = "audit.orlop.dev/v1alpha1";

/** How a subject may run commands, without any detour. */
export interface RunCommands {
  /** exec, attach, portForward, run: those that are open. */
  readonly actions: readonly string[];
  /** A grant people take for reading is enough: no more than get. */
  readonly withGetAlone: boolean;
  readonly routes: readonly Route[];
}

export interface ChainStep {
  /** Who does it. */
  readonly subject: string;
  readonly method: IndirectMethod;
  /** Who is taken over by it. */
  readonly target?: string;
  readonly role?: string;
  /** Where the right to do it comes from. */
  readonly through: readonly string[];
  readonly origins: readonly Origin[];
}

export interface SubjectReport {
  readonly kind: Principal["kind"];
  readonly name: string;
  /** Present for administrators and the control plane, which do not count for the exit code. */
  readonly builtIn?: string;
  readonly runCommands?: RunCommands;
  readonly actions: readonly ActionAccess[];
  readonly grants: readonly AccessGrant[];
  /** Ways to run commands by detours; each a chain of steps that ends with one who may. */
  readonly indirect: readonly (readonly ChainStep[])[];
  readonly remediation?: Remediation;
  /** From an exceptions file or a baseline. */
  readonly accepted?: Acceptance;
}

/** Why a finding does not count, and until when. */
export interface Acceptance {
  readonly reason: string;
  readonly expires?: string;
}

export interface RoleReport {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly runsCommands: boolean;
  readonly subresources: readonly string[];
  readonly boundBy: readonly string[];
  /** Roles that collect its rules by aggregation. */
  readonly collectedBy: readonly string[];
  readonly origin: Origin;
  /** From an exceptions file or a baseline. */
  readonly accepted?: Acceptance;
}

export interface Summary {
  readonly subjects: number;
  /** May run commands, built-in administrators not counted. */
  readonly canRunCommands: number;
  readonly canRunCommandsWithGetAlone: number;
  readonly builtInAdministrators: number;
  readonly indirect: number;
  readonly accepted: number;
  readonly phantoms: number;
  readonly harmless: number;
  readonly files: number;
  readonly documents: number;
  readonly objects: Readonly<Record<string, number>>;
  readonly notUnderstood: { readonly documents: number; readonly kinds: Readonly<Record<string, number>> };
}

export interface KubeletAccessReport {
  readonly apiVersion: typeof REPORT_API_VERSION;
  readonly kind: "KubeletAccessReport";
  readonly generatedAt: string;
  readonly source: string;
  /** False when something was not readable or not allowed to be read: see problems. */
  readonly complete: boolean;
  readonly summary: Summary;
  readonly nodeClasses: readonly (Omit<NodeClass, "profile" | "nodes"> & {
    readonly count: number;
    readonly fineGrained: boolean;
    readonly commandsNeed: "get" | "create";
  })[];
  readonly subjects: readonly SubjectReport[];
  /** Roles that give anything on subresources of nodes. */
  readonly roles: readonly RoleReport[];
  readonly remarks: readonly Remark[];
  readonly usage?: Usage;
  readonly problems: readonly {
    readonly severity: "error" | "warning";
    readonly message: string;
    readonly origin: Origin;
  }[];
  readonly limits: readonly string[];
}
