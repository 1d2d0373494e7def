import { messageOf } from "../../lib/orlop-error.ts";
import { StatusError } from "../../api/status-error.ts";
import type { KubernetesObject } from "../../api/types.ts";
import { bootstrapPolicy } from "../../core/authz/bootstrap/policy.ts";
import { reconcileStep, type ReconcileStep } from "../../core/authz/bootstrap/reconcile.ts";
import type { RbacObject } from "../../core/authz/rbac-index.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Objects } from "../extension.ts";
import { toRbacObject } from "./rbac-authorizer.ts";

const RETRY_EVERY = 1_000;
const GIVE_UP_AFTER = 30_000;

const COLLECTIONS = {
  ClusterRole: "clusterroles.rbac.authorization.k8s.io",
  Role: "roles.rbac.authorization.k8s.io",
  ClusterRoleBinding: "clusterrolebindings.rbac.authorization.k8s.io",
  RoleBinding: "rolebindings.rbac.authorization.k8s.io",
} as const;

export interface BootstrapPolicyDeps {
  readonly objects: Objects;
  readonly clock: Clock;
  readonly log: Log;
}

function placeOf({ object }: RbacObject): { readonly namespace: string; readonly name: string } {
  return { namespace: object.metadata?.namespace ?? "", name: object.metadata?.name ?? "" };
}

function toStored({ object, kind }: RbacObject): KubernetesObject {
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind, ...(object as KubernetesObject) };
}

async function unlessStatus(code: number, work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (reason) {
    if (reason instanceof StatusError && reason.code === code) return false;
    throw reason;
  }
}

function findLive(objects: Objects, expected: RbacObject): RbacObject | undefined {
  const collection = COLLECTIONS[expected.kind];
  const { namespace, name } = placeOf(expected);
  const found = objects.list(collection, namespace).find((object) => object.metadata?.name === name);
  return found === undefined ? undefined : toRbacObject(collection, found);
}

async function ensureNamespace(objects: Objects, namespace: string): Promise<void> {
  if (namespace === "" || objects.list("namespaces", "").some((object) => object.metadata?.name === namespace)) return;
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await unlessStatus(409, objects.create("namespaces", "", object));
}

async function apply({ objects, log }: BootstrapPolicyDeps, step: ReconcileStep): Promise<void> {
  if (step.do === "nothing") return;
  const collection = COLLECTIONS[step.wanted.kind];
  const { namespace, name } = placeOf(step.wanted);
  const fields = { kind: step.wanted.kind, namespace, name };
  switch (step.do) {
    case "leave-protected":
      log.warn("default role or binding lacks something, but may not be changed", fields);
      return;
    case "recreate":
      await unlessStatus(404, objects.delete(collection, namespace, name));
      await objects.create(collection, namespace, toStored(step.wanted));
      log.info("recreated default binding that led to another role", fields);
      return;
    case "create":
      await ensureNamespace(objects, namespace);
      await unlessStatus(409, objects.create(collection, namespace, toStored(step.wanted)));
      return;
    case "update":
      await objects.update(collection, namespace, name, (current) => {
        const now = reconcileStep(step.wanted, toRbacObject(collection, current));
        return now.do === "update" ? (now.wanted.object as KubernetesObject) : current;
      });
      log.info("completed default role or binding", fields);
  }
}

/**
 * Makes the cluster have all default roles and bindings (those marked with autoupdate "false" are left alone). Tries
 * again every second for half a minute, then throws the last failure: without its roles the server is of no use.
 */
export async function ensureBootstrapPolicy(
  deps: BootstrapPolicyDeps,
  options: { readonly fineGrained: boolean },
  signal: AbortSignal,
): Promise<void> {
  const policy = bootstrapPolicy(options);
  const since = deps.clock.monotonic();
  for (;;) {
    const results = await Promise.allSettled(
      policy.map((expected) => apply(deps, reconcileStep(expected, findLive(deps.objects, expected)))),
    );
    const failure = results.find((result) => result.status === "rejected");
    if (failure === undefined) return;
    if (deps.clock.monotonic() - since >= GIVE_UP_AFTER) throw failure.reason;
    deps.log.warn("default roles are not complete yet, trying again", { error: messageOf(failure.reason) });
    await deps.clock.sleep(RETRY_EVERY, signal);
  }
}
