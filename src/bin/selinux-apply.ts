import type { KubernetesObject } from "../api/types.ts";
import type { OptOutChange } from "../core/selinux-report/opt-out-forms.ts";
import { type Workload, workloadText } from "../core/selinux-report/workload.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import { defineResource, type Resource } from "../machinery/resources.ts";

type Patchable = Extract<OptOutChange, { how: "patch" }>;

/** One line for each workload that differs: what the server would make of the patch, or why it refuses. */
export interface DryRun {
  readonly change: Patchable;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Lets the server try every patch without keeping it. Throws when one of them is refused: then none may be applied. */
export async function dryRunAll(
  client: ClusterClient,
  changes: readonly Patchable[],
  signal: AbortSignal,
): Promise<readonly DryRun[]> {
  const runs: DryRun[] = [];
  for (const change of changes) {
    const { workload, patch } = change;
    const resource = resourceOf(workload);
    try {
      const now = await client.get(resource, workload, signal);
      const then = await client.patch(resource, workload, { type: "strategic", value: patch }, signal, {
        dryRun: true,
      });
      runs.push({ change, before: policyOf(now), after: policyOf(then) });
    } catch (cause) {
      const text = `${workloadText(workload)} can not be patched: ${messageOf(cause)}; nothing was changed`;
      throw new OrlopError("Forbidden", text, { cause });
    }
  }
  return runs;
}

/** Applies all patches. When one fails those before it are taken back, as half an opt-out makes new conflicts. */
export async function applyAll(client: ClusterClient, runs: readonly DryRun[], signal: AbortSignal): Promise<void> {
  const done: DryRun[] = [];
  for (const run of runs) {
    const { workload, patch } = run.change;
    try {
      await client.patch(resourceOf(workload), workload, { type: "strategic", value: patch }, signal);
      done.push(run);
    } catch (cause) {
      const left = await takeBack(client, done.toReversed(), signal);
      const outcome =
        left.length === 0
          ? `the ${done.length} before it were taken back`
          : `${left.join(", ")} could not be taken back and ${left.length === 1 ? "is" : "are"} opted out alone: run the command again`;
      const text = `${workloadText(workload)} could not be patched: ${messageOf(cause)}; ${outcome}`;
      throw new OrlopError("Unavailable", text, { cause, retry: "never" });
    }
  }
}

/** @returns those for which it failed */
async function takeBack(
  client: ClusterClient,
  runs: readonly DryRun[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { change, before } of runs) {
    const { workload, patch } = change;
    const value = withPolicy(patch, before ?? null);
    await client.patch(resourceOf(workload), workload, { type: "merge", value }, signal).catch(() => {
      left.push(workloadText(workload));
    });
  }
  return left;
}

/** A line as of `diff`: what is taken away and what comes instead. */
export function differenceText({ change, before, after }: DryRun): string {
  const field = `${change.workload.kind === "CronJob" ? "spec.jobTemplate." : ""}spec.template.spec.securityContext.seLinuxChangePolicy`;
  if (before === after) return `  ${workloadText(change.workload)}: no difference\n`;
  return [
    `  ${workloadText(change.workload)}\n`,
    ...(before === undefined ? [] : [`-   ${field}: ${before}\n`]),
    `+   ${field}: ${after ?? ""}\n`,
  ].join("");
}

const PLURALS: Readonly<Record<string, string>> = {
  Deployment: "deployments",
  StatefulSet: "statefulsets",
  DaemonSet: "daemonsets",
  ReplicaSet: "replicasets",
  ReplicationController: "replicationcontrollers",
  CronJob: "cronjobs",
};

function resourceOf({ apiVersion, kind }: Workload): Resource {
  const [first = "", second] = apiVersion.split("/");
  const [group, version] = second === undefined ? ["", first] : [first, second];
  return defineResource(group, version, PLURALS[kind] ?? `${kind.toLowerCase()}s`, kind, true);
}

interface Template {
  readonly spec?: {
    readonly template?: { readonly spec?: { readonly securityContext?: { readonly seLinuxChangePolicy?: string } } };
  };
}

function policyOf(object: object): string | undefined {
  const { spec } = object as KubernetesObject & {
    readonly spec?: Template["spec"] & { readonly jobTemplate?: Template };
  };
  const template = spec?.jobTemplate?.spec?.template ?? spec?.template;
  return template?.spec?.securityContext?.seLinuxChangePolicy;
}

function withPolicy(patch: unknown, policy: string | null): unknown {
  return JSON.parse(JSON.stringify(patch), (key, value: unknown) => (key === "seLinuxChangePolicy" ? policy : value));
}
