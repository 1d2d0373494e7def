import { beforeEach, describe, expect, it } from "vitest";
import { StatusError } from "../api/status-error.ts";
import { type OptOutChange, optOutChanges } from "../core/selinux-report/opt-out-forms.ts";
import type { Workload } from "../core/selinux-report/workload.ts";
import type { ClusterClient } from "../machinery/cluster-client.ts";
import { defineResource } from "../machinery/resources.ts";
import { applyAll, differenceText, dryRunAll } from "./selinux-apply.ts";

const DEPLOYMENTS = defineResource("apps", "v1", "deployments", "Deployment", true);
const CRON_JOBS = defineResource("batch", "v1", "cronjobs", "CronJob", true);
const signal = new AbortController().signal;

const deployment = (name: string): Workload => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  namespace: "default",
  name,
});

function patchesFor(...workloads: readonly Workload[]): readonly Extract<OptOutChange, { how: "patch" }>[] {
  const plan = workloads.map((workload) => ({
    workload,
    because: "in-conflict" as const,
    volumes: [],
    done: false,
    setsMountOption: false,
  }));
  return optOutChanges(plan).flatMap((change) => (change.how === "patch" ? [change] : []));
}

describe("applying an opt-out", () => {
  let client: ClusterClient;
  beforeEach(() => {
    const templateOf = (name: string) => ({
      spec: {
        containers: [{ name: "c", image: "i" }],
        securityContext: { runAsUser: 7, ...(name === "b" && { seLinuxChangePolicy: "Recursive" }) },
      },
    });
    client = storing({
      ...Object.fromEntries(["a", "b", "c"].map((name) => [name, { spec: { template: templateOf(name) } }])),
      j: { spec: { schedule: "@daily", jobTemplate: { spec: { template: templateOf("j") } } } },
    });
  });

  const contextOf = async (name: string, from: ClusterClient = client): Promise<unknown> => {
    const object: unknown = await from.get(DEPLOYMENTS, { namespace: "default", name }, signal);
    return (object as { spec: { template: { spec: { securityContext: unknown } } } }).spec.template.spec
      .securityContext;
  };

  it("shows what the server makes of it, and changes nothing before that", async () => {
    const runs = await dryRunAll(client, patchesFor(deployment("a"), deployment("b")), signal);
    expect(runs.map((run) => differenceText(run)).join("")).toBe(
      [
        "  default/Deployment/a\n+   spec.template.spec.securityContext.seLinuxChangePolicy: Recursive\n",
        "  default/Deployment/b: no difference\n",
      ].join(""),
    );
    expect(await contextOf("a")).toEqual({ runAsUser: 7 });
    await applyAll(client, runs, signal);
    expect(await contextOf("a")).toEqual({ runAsUser: 7, seLinuxChangePolicy: "Recursive" });
  });

  it("patches the template inside a CronJob", async () => {
    const job = { apiVersion: "batch/v1", kind: "CronJob", namespace: "default", name: "j" };
    const runs = await dryRunAll(client, patchesFor(job), signal);
    await applyAll(client, runs, signal);
    expect(runs.map((run) => differenceText(run)).join("")).toContain(
      "+   spec.jobTemplate.spec.template.spec.securityContext.seLinuxChangePolicy: Recursive",
    );
    expect(JSON.stringify(await client.get(CRON_JOBS, job, signal))).toContain('"seLinuxChangePolicy":"Recursive"');
  });

  it("applies nothing when the server refuses one of them in the dry run", async () => {
    await expect(dryRunAll(client, patchesFor(deployment("a"), deployment("gone")), signal)).rejects.toMatchObject({
      message: expect.stringContaining("default/Deployment/gone can not be patched: "),
    });
    expect(await contextOf("a")).toEqual({ runAsUser: 7 });
  });

  it("takes all back when one of them is refused after all, so that no half is left", async () => {
    const runs = await dryRunAll(client, patchesFor(deployment("a"), deployment("b"), deployment("c")), signal);
    await expect(applyAll(refusing(client, "c"), runs, signal)).rejects.toMatchObject({
      message: "default/Deployment/c could not be patched: quota; the 2 before it were taken back",
    });
    expect(await contextOf("a")).toEqual({ runAsUser: 7 });
    expect(await contextOf("b")).toEqual({ runAsUser: 7, seLinuxChangePolicy: "Recursive" });
  });

  it("names what it could not take back", async () => {
    const runs = await dryRunAll(client, patchesFor(deployment("a"), deployment("c")), signal);
    let patches = 0;
    const broken: ClusterClient = {
      ...client,
      patch: async (...call) => {
        patches += 1;
        if (patches > 1) throw new Error("no route to the server");
        return client.patch(...call);
      },
    };
    await expect(applyAll(broken, runs, signal)).rejects.toMatchObject({
      message:
        "default/Deployment/c could not be patched: no route to the server; default/Deployment/a could not be taken back and is opted out alone: run the command again",
    });
  });
});

type Json = { [key: string]: unknown };

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Merge patches; strategic ones without lists do the same. */
function mergeInto(target: Json, patch: Json): Json {
  const merged: Json = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = isJson(value) ? mergeInto(isJson(merged[key]) ? merged[key] : {}, value) : value;
  }
  return merged;
}

/** Workloads by name: the embedded API server has none. */
function storing(objects: Record<string, Json>): ClusterClient {
  const get = (name: string): Json => {
    const object = objects[name];
    if (object !== undefined) return object;
    throw new StatusError({ kind: "Status", status: "Failure", code: 404, reason: "NotFound", message: "not found" });
  };
  const client = {
    get: async (_: unknown, { name }: { readonly name: string }) => get(name),
    patch: async (
      _: unknown,
      { name }: { readonly name: string },
      { value }: { readonly value: Json },
      __: AbortSignal,
      options: { readonly dryRun?: boolean } = {},
    ) => {
      const patched = mergeInto(get(name), value);
      if (options.dryRun !== true) objects[name] = patched;
      return patched;
    },
  };
  return client as unknown as ClusterClient;
}

function refusing(client: ClusterClient, name: string): ClusterClient {
  return {
    ...client,
    patch: async (resource, key, ...rest) => {
      if (key.name === name) {
        throw new StatusError({ kind: "Status", status: "Failure", code: 403, reason: "Forbidden", message: "quota" });
      }
      return client.patch(resource, key, ...rest);
    },
  };
}
